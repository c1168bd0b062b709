
/* The page: reads the data, joins map, search, lists and cards. Texts only ever enter the page as textContent. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const words = (key, values = {}) => data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const number = new Intl.NumberFormat(data.language);
  const LIST_STEP = 60;

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) { element.textContent = text; element.dir = "auto"; }
    return element;
  };
  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Uint16Array(bytes.buffer);
  };

  if (!data.count) return;

  const group = decode(data.group);
  const x = Float32Array.from(decode(data.x), (value) => value / 65535);
  const y = Float32Array.from(decode(data.y), (value) => value / 65535);
  const points = {
    count: data.count, x, y, group, names: data.groups.map((one) => one.name),
    right: x.reduce((a, b) => Math.max(a, b), 0), top: y.reduce((a, b) => Math.max(a, b), 0),
  };
  const videos = new Set(data.videos || []);

  /* Pictures: of typical rows they are in the cards already, of other points in the data. */
  const inCards = new Map();
  for (const image of document.querySelectorAll("img[data-picture]")) inCards.set(Number(image.dataset.picture), image.src);
  const source = (i) => data.thumbnails[i] || inCards.get(i) || null;
  const loaded = new Map();
  const pictures = {
    has: (i) => source(i) !== null,
    image(i, ready) {
      let image = loaded.get(i);
      if (!image) {
        image = new Image();
        image.onload = ready;
        image.src = source(i);
        loaded.set(i, image);
      }
      return image.complete && image.naturalWidth ? image : null;
    },
  };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;
  const shade = () => (dark.matches && !printing ? 1 : 0);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colors = {
    tone: (g) => data.tones[g][shade()],
    fonts: getComputedStyle(document.documentElement).fontFamily,
    refresh() {
      this.noise = data.noiseTone[shade()];
      this.faded = data.fadedTone[shade()];
      // The style sheet still has its screen colours when the browser announces printing.
      this.surface = printing ? "#ffffff" : variable("--surface");
      this.ink = printing ? "#1b1e23" : variable("--ink");
      this.halo = printing ? "rgb(255 255 255 / 88%)" : variable("--halo");
    },
  };
  colors.refresh();

  const state = { query: "", group: null, hits: null, shown: 0, pinned: -1 };
  const tip = find("tip"), tipBody = find("tip-body");

  const map = new PointMap(find("canvas"), points, colors, {
    hover: (i) => { if (state.pinned < 0) { showTip(i); } },
    pick: (i) => pin(i),
    pickGroup: (g) => chooseGroup(g),
    moved: () => placeTip(),
    toolsWidth: 290,
  });

  const title = (i) => data.texts.map((column) => column[i]).find(Boolean) || label(i);
  const label = (i) => words("row", { label: data.labels ? data.labels[i] : i });
  const groupName = (i) => (group[i] === NOISE ? words("noise") : points.names[group[i]]);
  const swatch = (g) => make("span", `swatch ${g === NOISE ? "noise" : `tone-${g}`}`);

  /* The card beside a point. */
  function showTip(i) {
    map.ring = i;
    map.draw();
    if (i < 0) { tip.hidden = true; return; }
    tipBody.replaceChildren();
    if (source(i)) {
      const frame = make("span", "frame"), image = make("img");
      image.src = source(i);
      image.alt = words("picture", { text: title(i) });
      frame.append(image);
      if (videos.has(i)) frame.append(make("span", "play"));
      tipBody.append(frame);
    }
    const texts = make("div", "tip-texts"), head = make("div", "tip-group");
    head.append(swatch(group[i]), make("span", "", groupName(i)), make("span", "row-label", label(i)));
    texts.append(head);
    data.texts.map((column) => column[i]).filter(Boolean).forEach((text, place) => texts.append(make("p", place ? "tip-line second" : "tip-line", text)));
    tipBody.append(texts);
    tip.dataset.point = i;
    tip.hidden = false;
    placeTip();
  }

  function placeTip() {
    if (tip.hidden) return;
    const i = Number(tip.dataset.point), gap = 16;
    const px = map.screenX(i), py = map.screenY(i), w = tip.offsetWidth, h = tip.offsetHeight;
    const left = px + gap + w <= map.width - 6 ? px + gap : px - gap - w;
    tip.style.left = `${Math.min(Math.max(left, 6), Math.max(map.width - w - 6, 6))}px`;
    tip.style.top = `${Math.min(Math.max(py - h / 2, 6), Math.max(map.height - h - 6, 6))}px`;
  }

  function pin(i) {
    state.pinned = i;
    tip.classList.toggle("pinned", i >= 0);
    showTip(i);
    for (const button of find("hits").querySelectorAll("button")) button.classList.toggle("current", Number(button.dataset.point) === i);
  }

  function goTo(i) {
    if (map.active && !map.active[i]) clear();
    map.showPoints([i]);
    pin(i);
  }

  /* Search and choice of a cluster: one filter over the points. */
  let haystack = null;
  const plain = (text) => text.normalize("NFKC").toLowerCase();
  const buildHaystack = () => Array.from({ length: data.count }, (_, i) => plain([...data.texts.map((column) => column[i]), groupName(i), data.labels ? data.labels[i] : ""].join("\n")));

  function filter() {
    const needles = plain(state.query).split(/\s+/).filter(Boolean);
    pin(-1);
    if (!needles.length && state.group === null) {
      state.hits = null;
      map.active = null;
    } else {
      if (needles.length && !haystack) haystack = buildHaystack();
      const active = new Uint8Array(data.count), hits = [];
      for (let i = 0; i < data.count; i++) {
        if (state.group !== null && group[i] !== state.group) continue;
        if (!needles.every((needle) => haystack[i].includes(needle))) continue;
        active[i] = 1;
        hits.push(i);
      }
      state.hits = hits;
      map.active = active;
    }
    map.chosen = state.group === null || state.group === NOISE ? -1 : state.group;
    for (const card of document.querySelectorAll(".card")) card.classList.toggle("chosen", map.chosen >= 0 && card.classList.contains(`tone-${map.chosen}`));
    map.filterCount++;
    map.draw();
    list();
  }

  function list() {
    const { hits } = state;
    find("legend").hidden = hits !== null;
    find("hits").hidden = hits === null || !hits.length;
    find("clear").hidden = hits === null;
    find("hits").replaceChildren();
    state.shown = 0;
    if (hits === null) {
      find("status").textContent = words("all", { count: number.format(data.count) });
      find("more").hidden = true;
      return;
    }
    const key = !hits.length ? "none" : state.query.trim() ? "found" : "in_cluster";
    find("status").textContent = words(key, { count: number.format(hits.length) });
    extend();
  }

  function extend() {
    const { hits } = state;
    const end = Math.min(state.shown + LIST_STEP, hits.length), rows = document.createDocumentFragment();
    for (const i of hits.slice(state.shown, end)) {
      const item = make("li"), button = make("button"), texts = make("span", "words");
      button.type = "button";
      button.dataset.point = i;
      if (source(i)) {
        const image = make("img");
        image.src = source(i);
        image.alt = "";
        button.append(image);
      } else button.append(swatch(group[i]));
      texts.append(make("span", "line", title(i)), make("span", "in", groupName(i)));
      button.append(texts);
      button.addEventListener("click", () => goTo(i));
      item.append(button);
      rows.append(item);
    }
    find("hits").append(rows);
    state.shown = end;
    const left = hits.length - end;
    find("more").hidden = !left;
    find("more").textContent = words("more", { count: number.format(Math.min(left, LIST_STEP)) });
  }

  function chooseGroup(g) {
    state.group = g;
    filter();
    if (state.hits.length) map.showPoints(state.hits);
  }

  function clear() {
    state.group = null;
    state.query = "";
    find("search").value = "";
    filter();
  }

  function legend() {
    const entries = data.groups.map((one, g) => [g, one.name, one.size]);
    if (data.noise) entries.push([NOISE, words("noise"), data.noise]);
    for (const [g, name, size] of entries) {
      const item = make("li"), button = make("button");
      button.type = "button";
      button.append(swatch(g), make("span", "name", name), make("span", "count", number.format(size)));
      button.addEventListener("click", () => chooseGroup(g));
      item.append(button);
      find("legend").append(item);
    }
  }

  find("search").addEventListener("input", (event) => { state.query = event.target.value; filter(); });
  find("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && state.hits?.length) map.showPoints(state.hits);
  });
  find("clear").textContent = words("clear");
  find("clear").addEventListener("click", () => { clear(); map.reset(); find("search").focus({ preventScroll: true }); });
  find("more").addEventListener("click", extend);
  find("zoom-in").addEventListener("click", () => map.zoomStep(1.8));
  find("zoom-out").addEventListener("click", () => map.zoomStep(1 / 1.8));
  find("zoom-reset").addEventListener("click", () => map.reset());
  find("tip-close").setAttribute("aria-label", words("close"));
  find("tip-close").addEventListener("click", () => { pin(-1); find("canvas").focus({ preventScroll: true }); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (state.pinned >= 0) pin(-1); else if (state.hits !== null) { clear(); map.reset(); }
  });

  const toMap = () => find("map").scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  for (const button of document.querySelectorAll(".card [data-group]")) {
    const g = Number(button.dataset.group);
    button.hidden = map.anchors[g] < 0;
    button.addEventListener("click", () => { toMap(); chooseGroup(g); });
  }
  for (const button of document.querySelectorAll(".card [data-point]")) {
    button.addEventListener("click", () => { toMap(); goTo(Number(button.dataset.point)); });
  }

  if (inCards.size || Object.keys(data.thumbnails).length) {
    find("pictures-switch").hidden = false;
    find("pictures").addEventListener("change", (event) => { map.pictures = event.target.checked ? pictures : null; map.draw(); });
  }

  const repaint = () => { colors.refresh(); map.forget(); map.paint(); };
  dark.addEventListener("change", repaint);
  addEventListener("beforeprint", () => { printing = true; repaint(); });
  addEventListener("afterprint", () => { printing = false; repaint(); });

  legend();
  list();
  // For tests and the curious: where things are on the screen.
  window.mmembedReport = { map, points, state };
})();
