/* The board at work: joins table, map, card and panel, for a page and for a notebook alike. */

class Explorer {
  // `data` are numbers, texts and words; `sources`, `first`, `wanted` and `request` are what Pictures takes. `changed` is
  // called when the listed rows may be others, `seen` when what is seen is.
  constructor(root, data, { isDark, sources = new Map(), first, wanted, request, changed, seen, marked }) {
    this.root = root;
    this.changed = changed;
    this.seen = seen;
    this.marked = marked;
    const table = this.table = new Table(data);
    const board = this.board = new Board(root, table);
    this.colors = new Colors(root, data, isDark);
    this.coloring = Coloring.ofTopics(table);
    this.columnColored = null;
    this.numbered = new Set();
    this.pictures = new Pictures(table, sources, new Set(data.videos || []), { first, wanted, request });
    board.find("pictures-switch").hidden = !this.pictures.any;
    const toneOf = (i) => this.map.toneOf(i);
    this.panel = new Panel(board, table, this.pictures, this.colors, {
      goTo: (i) => this.goTo(i),
      pickGroup: (g) => this.pickGroup(g),
      keepValue: (place, code) => this.keepValue(place, code),
      unkept: () => this.showKept(),
      toneOf,
      listed: () => this.tellChange(),
      filtered: (active, chosen) => {
        this.pin(-1);
        const { like } = this.panel;
        this.map.links = like === null ? null : [like, this.panel.table.neighbors(like)];
        this.map.filter(active, chosen);
        this.marked?.(chosen);
      },
    });
    this.tip = new Tip(board, table, this.pictures, (i) => this.panel.swatch(i), { like: (i) => this.findLike(i) });
    this.map = this.tip.map = new PointMap(board.find("canvas"), table, this.colors, this.coloring, {
      hover: (i) => this.tip.hover(i),
      pick: (i) => this.pin(i),
      pinned: () => this.tip.pinned,
      like: (i) => this.findLike(i),
      pickGroup: (g) => this.pickGroup(g),
      looped: (rows) => { this.useLasso(false); if (rows.length) this.panel.select(rows); },
      moved: () => this.tip?.place(),
      rested: () => this.seen?.(),
      arranged: (missing) => { this.numbered = new Set(missing); this.showLegend(); },
      toolBox: () => this.toolBox(),
    });
    this.listen();
    if (this.pictures.any) this.usePictures(true);
    this.showLegend();
    this.panel.list();
  }

  close() { this.map.close(); }

  toolBox() {
    const { tools, map } = this.board.parts, switched = this.board.parts["pictures-switch"];
    const last = switched.hidden ? tools : switched;
    if (!tools.offsetWidth) return { left: 0, up: map.clientHeight, right: 0, bottom: map.clientHeight };
    return { left: tools.offsetLeft, up: tools.offsetTop, right: last.offsetLeft + last.offsetWidth, bottom: tools.offsetTop + tools.offsetHeight };
  }

  listen() {
    const { board, panel, map, table } = this, on = (id, type, listener) => board.find(id)?.addEventListener(type, listener);
    on("search", "input", (event) => panel.search(event.target.value));
    on("search", "keydown", (event) => {
      if (event.key === "Enter" && panel.hits?.length) map.camera.show([...panel.hits, ...panel.alike]);
    });
    on("clear", "click", () => { this.clear(); board.find("search").focus({ preventScroll: true }); });
    on("download", "click", () => downloadCsv(table, panel.hits));
    on("more", "click", () => panel.extend());
    on("zoom-in", "click", () => map.camera.zoomStep(1.8));
    on("zoom-out", "click", () => map.camera.zoomStep(1 / 1.8));
    on("zoom-reset", "click", () => map.camera.reset());
    on("lasso", "click", () => this.useLasso(!map.looping));
    on("tip-close", "click", () => { this.pin(-1); board.find("canvas").focus({ preventScroll: true }); });
    on("pictures", "change", (event) => this.usePictures(event.target.checked));
    on("color", "change", (event) => this.colorBy(event.target.value));
    for (const [place, column] of table.columns.entries()) {
      if (!column.filter) continue;
      if (!column.isScale) on(`filter-${place}`, "change", (event) => panel.keep(place, event.target.value === "" ? null : Number(event.target.value)));
      else for (const end of ["from", "to"]) on(`filter-${place}-${end}`, "change", () => this.keepRange(place));
    }
  }

  // Undo one thing: the lasso, then the pinned point, then the filter. Whether there was any.
  escape() {
    if (this.map.looping) this.useLasso(false);
    else if (this.tip.pinned >= 0) this.pin(-1);
    else if (this.panel.hits !== null) this.clear();
    else return false;
    return true;
  }

  pin(i) {
    this.tip.pin(i);
    this.panel.mark(i);
    this.board.find("announce").textContent = i < 0 ? "" : `${this.table.title(i)} · ${this.table.groupName(i)}`;
    this.seen?.();
  }

  pickGroup(g) {
    this.panel.choose(g);
    if (this.panel.hits.length) this.map.camera.show(this.panel.hits);
  }

  findLike(i) {
    if (!this.table.near) return;
    this.panel.findLike(i);
    this.map.camera.show(this.panel.hits);
    this.pin(i);
  }

  goTo(i) {
    if (this.map.active && !this.map.active[i]) this.panel.clear();
    this.map.camera.show([i]);
    this.pin(i);
  }

  clear() {
    this.panel.clear();
    this.map.camera.reset();
  }

  useLasso(on) {
    this.map.loop(on);
    this.board.find("lasso").setAttribute("aria-pressed", String(on));
  }

  usePictures(on) {
    this.board.find("pictures").checked = on;
    this.map.usePictures(on ? this.pictures : null);
    this.seen?.();
  }

  // By "topics" or "column-3".
  colorBy(key) {
    this.columnColored = key === "topics" ? null : Number(key.slice(7));
    this.coloring = this.columnColored === null ? Coloring.ofTopics(this.table) : Coloring.ofColumn(this.table, this.columnColored);
    if (this.board.find("color")) this.board.find("color").value = key;
    this.map.recolor(this.coloring);
    this.showLegend();
    this.panel.list();
    this.seen?.();
  }

  showLegend() { this.panel.legend(this.coloring, this.columnColored, this.numbered); }

  keepValue(place, code) {
    this.panel.keep(place, code);
    this.showKept();
  }

  keepRange(place) {
    const column = this.table.columns[place];
    const step = (end) => {
      const field = this.board.find(`filter-${place}-${end}`);
      const value = field.value === "" ? NaN : column.kind === "time" ? Date.parse(field.value) + (end === "to" ? 86_399_999 : 0) : Number(field.value);
      if (!Number.isFinite(value)) return end === "from" ? 0 : NOISE - 1;
      return end === "from" ? Math.ceil(column.stepOf(value) - 0.501) : Math.floor(column.stepOf(value) + 0.501);
    };
    const [from, to] = [step("from"), step("to")];
    this.panel.keep(place, from <= 0 && to >= NOISE - 1 ? null : { from, to });
  }

  // Bring the fields of the filters to what is kept.
  showKept() {
    for (const [place, column] of this.table.columns.entries()) {
      const wanted = this.panel.kept.get(place);
      if (!column.filter) continue;
      if (!column.isScale) { this.board.find(`filter-${place}`).value = wanted === undefined ? "" : String(wanted); continue; }
      for (const end of ["from", "to"]) {
        const value = wanted === undefined ? null : column.numberAt(wanted[end]);
        this.board.find(`filter-${place}-${end}`).value = value === null ? "" : column.kind === "time" ? dateOf(value) : shortNumber(value);
      }
    }
  }

  get state() {
    const { panel, map, tip } = this, place = map.camera.place;
    return {
      query: panel.query.trim(), group: panel.group, color: this.coloring.key, kept: panel.kept, like: panel.like, point: tip.pinned,
      pictures: !this.pictures.any || map.pictures !== null, view: map.isWhole ? null : place,
    };
  }

  // Show what another moment showed.
  set state(state) {
    const { panel } = this;
    if (state.color !== this.coloring.key) this.colorBy(state.color);
    if (this.pictures.any && state.pictures !== (this.map.pictures !== null)) this.usePictures(state.pictures);
    panel.setQuery(state.query);
    Object.assign(panel, { group: state.group, loop: null, like: state.like, kept: new Map(state.kept) });
    this.showKept();
    panel.filter();
    if (state.view) this.map.camera.goTo(state.view);
    else if (state.group !== null || state.like !== null) this.map.camera.show(panel.hits);
    else if (state.point >= 0) this.map.camera.show([state.point]);
    else this.map.camera.goTo({ x: 0, y: 0, k: 1 });
    if (state.point >= 0) this.pin(state.point);
  }

  // Pictures that were asked for are here.
  addPictures(sources) {
    for (const [i, source] of sources) this.pictures.sources.set(i, source);
    this.panel.refresh([...sources.keys()]);
    for (const i of sources.keys()) this.tip.refresh(i);
    this.map.draw();
  }

  tellChange() {
    this.changed?.(this.panel.hits);
    this.seen?.();
  }

  repaint() {
    this.colors.refresh();
    this.showLegend();
    this.map.repaint();
  }
}
