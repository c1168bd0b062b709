/* Search, topic, lasso, likeness and values of columns are one filter over the points; the panel lists what it leaves. */

const LIST_STEP = 60;
const MOST_ALIKE = 30;
// Past this number of points the search waits until the typing pauses.
const SLOW_SEARCH = 20_000;
const plain = (text) => text.normalize("NFKC").toLowerCase();

class Panel {
  constructor(board, table, pictures, colors, hooks) {
    this.board = board;
    this.table = table;
    this.pictures = pictures;
    this.colors = colors;
    this.hooks = hooks;
    this.query = "";
    this.group = null;
    this.loop = null;
    this.like = null;
    // By place of a column: a code, or the steps from and to.
    this.kept = new Map();
    this.hits = null;
    this.alike = [];
    this.shown = 0;
    this.haystack = null;
  }

  search(query) {
    this.query = query;
    clearTimeout(this.pause);
    if (this.table.count <= SLOW_SEARCH) this.filter();
    else this.pause = setTimeout(() => this.filter(), 150);
  }

  choose(g) { this.group = g; this.loop = this.like = null; this.filter(); }
  select(rows) { this.loop = new Set(rows); this.like = null; this.filter(); }
  findLike(i) { this.like = i; this.loop = this.group = null; this.setQuery(""); this.filter(); }

  keep(place, wanted) {
    if (wanted === null) this.kept.delete(place); else this.kept.set(place, wanted);
    this.filter();
  }

  setQuery(query) {
    this.query = query;
    this.board.find("search").value = query;
  }

  clear() {
    this.setQuery("");
    this.group = this.loop = this.like = null;
    this.kept.clear();
    this.hooks.unkept();
    this.filter();
  }

  get isWhole() { return !this.query.trim() && this.group === null && this.loop === null && this.like === null && !this.kept.size; }

  filter() {
    const { table } = this, needles = plain(this.query).split(/\s+/).filter(Boolean);
    this.alike = [];
    if (this.isWhole) {
      this.hits = null;
      this.hooks.filtered(null, -1);
    } else {
      if (needles.length && !this.haystack) this.haystack = this.readTexts();
      const candidates = this.like === null ? null : [this.like, ...table.neighbors(this.like)];
      const active = new Uint8Array(table.count), hits = [];
      const check = (i) => {
        if (!this.isKept(i) || !needles.every((needle) => this.haystack[i].includes(needle))) return;
        active[i] = 1;
        hits.push(i);
      };
      if (candidates) candidates.forEach(check); else for (let i = 0; i < table.count; i++) check(i);
      // A search by words finds, beside the rows that have them, the ones that are like those.
      if (needles.length && this.like === null) {
        this.alike = table.alike(hits, 4 * MOST_ALIKE).filter((i) => this.isKept(i)).slice(0, MOST_ALIKE);
        for (const i of this.alike) active[i] = 2;
      }
      this.hits = hits;
      this.hooks.filtered(active, this.group === null || this.group === NOISE ? -1 : this.group);
    }
    this.list();
  }

  isKept(i) {
    if (this.group !== null && this.table.group[i] !== this.group) return false;
    if (this.loop !== null && !this.loop.has(i)) return false;
    for (const [place, wanted] of this.kept) {
      const code = this.table.columns[place].codes[i];
      if (typeof wanted === "number" ? code !== wanted : code === NOISE || code < wanted.from || code > wanted.to) return false;
    }
    return true;
  }

  readTexts() {
    const { table } = this, { texts, labels, files } = table.data, columns = [...texts, labels, files].filter(Boolean);
    return Array.from({ length: table.count }, (_, i) => plain([...columns.map((column) => column[i]), table.groupName(i)].join("\n")));
  }

  get statusKey() {
    if (!this.hits.length) return "none";
    if (this.like !== null) return "alike_to";
    if (this.query.trim()) return "found";
    if (this.loop) return "in_lasso";
    if (this.group === null) return "left";
    return this.group === NOISE ? "in_noise" : "in_cluster";
  }

  list() {
    const { hits, board, table, alike } = this, find = (id) => board.find(id);
    find("legend").hidden = hits !== null;
    find("hits").hidden = hits === null || !hits.length;
    find("clear").hidden = hits === null;
    find("download").hidden = hits === null || !hits.length;
    find("hits").replaceChildren();
    find("alike").replaceChildren(...alike.map((i) => this.item(i)));
    find("alike").hidden = find("alike-head").hidden = !alike.length;
    find("alike-head").textContent = alike.length ? table.words("alike", { count: table.number.format(alike.length) }) : "";
    this.pictures.want(alike);
    this.shown = 0;
    if (hits === null) {
      find("status").textContent = table.words("all", { count: table.number.format(table.count) });
      find("more").hidden = true;
    } else {
      const count = this.like === null ? hits.length : hits.length - 1;
      find("status").textContent = table.words(this.statusKey, { count: table.number.format(count) });
      this.extend();
    }
    this.hooks.listed();
  }

  extend() {
    const { hits, board, table } = this;
    const end = Math.min(this.shown + LIST_STEP, hits.length), rows = document.createDocumentFragment();
    this.pictures.want(hits.slice(this.shown, end));
    for (const i of hits.slice(this.shown, end)) rows.append(this.item(i));
    board.find("hits").append(rows);
    this.shown = end;
    const left = hits.length - end, more = board.find("more");
    more.hidden = !left;
    more.textContent = table.words("more", { count: table.number.format(Math.min(left, LIST_STEP)) });
  }

  item(i) {
    const { table } = this, item = make("li"), button = make("button"), texts = make("span", "words");
    button.type = "button";
    button.dataset.point = i;
    button.append(this.pictures.source(i) ? this.thumbnail(i) : this.swatch(i));
    texts.append(make("span", "line", table.title(i)), make("span", "in", table.groupName(i)));
    button.append(texts);
    button.addEventListener("click", () => this.hooks.goTo(i));
    item.append(button);
    return item;
  }

  thumbnail(i) {
    const image = make("img");
    image.src = this.pictures.source(i);
    image.alt = "";
    return image;
  }

  // Pictures that arrived late take the places of their rows' dots.
  refresh(rows) {
    for (const i of rows) {
      for (const button of this.board.root.querySelectorAll(`.hits button[data-point="${i}"]`)) {
        if (button.firstChild.tagName !== "IMG") button.firstChild.replaceWith(this.thumbnail(i));
      }
    }
  }

  swatch(i) {
    const dot = make("span", "swatch");
    dot.style.background = this.hooks.toneOf(i);
    return dot;
  }

  mark(i) {
    for (const button of this.board.root.querySelectorAll(".hits button")) button.classList.toggle("current", Number(button.dataset.point) === i);
  }

  // The names and sizes of what colours the points, or the ends of its scale; a click keeps one of them.
  legend(coloring, place, numbered) {
    const { table, colors } = this, rows = [];
    const entry = (tone, name, size, choose, number) => {
      const item = make("li"), button = make("button"), dot = make("span", number ? "swatch numbered" : "swatch", number ? String(number) : undefined);
      button.type = "button";
      if (number) dot.style.borderColor = tone; else dot.style.background = tone;
      button.append(dot, make("span", "name", name), make("span", "count", table.number.format(size)));
      button.addEventListener("click", choose);
      item.append(button);
      rows.push(item);
    };
    const column = place === null ? null : table.columns[place];
    if (column?.isScale) rows.push(this.scale(coloring, column));
    coloring.names.forEach((name, code) => {
      const choose = column ? () => this.hooks.keepValue(place, code) : () => this.hooks.pickGroup(code);
      entry(colors.of(coloring.tones[code]), name, coloring.sizes[code], choose, !column && numbered.has(code) ? code + 1 : 0);
    });
    if (coloring.missing && !column) entry(colors.noise, table.words("noise"), coloring.missing, () => this.hooks.pickGroup(NOISE));
    this.board.find("legend").replaceChildren(...rows);
  }

  scale(coloring, column) {
    const item = make("li", "scale"), bar = make("span", "scale-bar"), ends = make("span", "scale-ends");
    bar.style.background = `linear-gradient(to right, ${coloring.tones.map((pair) => this.colors.of(pair)).join(", ")})`;
    const digits = (value, count) => String(Number(value.toPrecision(count)));
    const tell = ({ value, isCut }, sign) => {
      if (column.kind === "time") return (isCut ? `${sign} ` : "") + dateOf(value);
      return isCut ? `${sign} ${digits(value, 3)}` : digits(value, 5);
    };
    const [low, high] = coloring.ends;
    ends.append(make("span", "", tell(low, "≤")), make("span", "", tell(high, "≥")));
    item.append(bar, ends);
    return item;
  }
}
