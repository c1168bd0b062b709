/* Search, choice of a cluster and lasso are one filter over the points; the panel lists what it leaves. */

const LIST_STEP = 60;
// Past this number of points the search waits until the typing pauses.
const SLOW_SEARCH = 20_000;
const plain = (text) => text.normalize("NFKC").toLowerCase();

class Panel {
  constructor(pictures, hooks) {
    this.pictures = pictures;
    this.hooks = hooks;
    this.query = "";
    this.group = null;
    this.loop = null;
    this.hits = null;
    this.shown = 0;
    this.haystack = null;
  }

  search(query) {
    this.query = query;
    clearTimeout(this.pause);
    if (points.count <= SLOW_SEARCH) this.filter();
    else this.pause = setTimeout(() => this.filter(), 150);
  }

  choose(g) { this.group = g; this.loop = null; this.filter(); }
  select(rows) { this.loop = new Set(rows); this.filter(); }

  clear() {
    this.query = "";
    this.group = this.loop = null;
    find("search").value = "";
    this.filter();
  }

  filter() {
    const needles = plain(this.query).split(/\s+/).filter(Boolean);
    if (!needles.length && this.group === null && this.loop === null) {
      this.hits = null;
      this.hooks.filtered(null, -1);
    } else {
      if (needles.length && !this.haystack) this.haystack = this.readTexts();
      const active = new Uint8Array(points.count), hits = [];
      for (let i = 0; i < points.count; i++) {
        if (this.group !== null && points.group[i] !== this.group) continue;
        if (this.loop !== null && !this.loop.has(i)) continue;
        if (!needles.every((needle) => this.haystack[i].includes(needle))) continue;
        active[i] = 1;
        hits.push(i);
      }
      this.hits = hits;
      this.hooks.filtered(active, this.group === null || this.group === NOISE ? -1 : this.group);
    }
    this.list();
  }

  readTexts() {
    const columns = data.labels ? [...data.texts, data.labels] : data.texts;
    return Array.from({ length: points.count }, (_, i) => plain([...columns.map((column) => column[i]), groupName(i)].join("\n")));
  }

  list() {
    const { hits } = this;
    find("legend").hidden = hits !== null;
    find("hits").hidden = hits === null || !hits.length;
    find("clear").hidden = hits === null;
    find("download").hidden = hits === null || !hits.length;
    find("hits").replaceChildren();
    this.shown = 0;
    if (hits === null) {
      find("status").textContent = words("all", { count: number.format(points.count) });
      find("more").hidden = true;
      return;
    }
    const key = !hits.length ? "none" : this.query.trim() ? "found" : this.loop ? "in_lasso" : this.group === NOISE ? "in_noise" : "in_cluster";
    find("status").textContent = words(key, { count: number.format(hits.length) });
    this.extend();
  }

  extend() {
    const { hits } = this;
    const end = Math.min(this.shown + LIST_STEP, hits.length), rows = document.createDocumentFragment();
    for (const i of hits.slice(this.shown, end)) rows.append(this.item(i));
    find("hits").append(rows);
    this.shown = end;
    const left = hits.length - end;
    find("more").hidden = !left;
    find("more").textContent = words("more", { count: number.format(Math.min(left, LIST_STEP)) });
  }

  item(i) {
    const item = make("li"), button = make("button"), texts = make("span", "words");
    button.type = "button";
    button.dataset.point = i;
    const source = this.pictures.source(i);
    if (source) {
      const image = make("img");
      image.src = source;
      image.alt = "";
      button.append(image);
    } else button.append(swatch(points.group[i]));
    texts.append(make("span", "line", title(i)), make("span", "in", groupName(i)));
    button.append(texts);
    button.addEventListener("click", () => this.hooks.goTo(i));
    item.append(button);
    return item;
  }

  mark(i) {
    for (const button of find("hits").querySelectorAll("button")) button.classList.toggle("current", Number(button.dataset.point) === i);
  }

  legend() {
    const entries = data.groups.map((one, g) => [g, one.name, one.size]);
    if (data.noise) entries.push([NOISE, words("noise"), data.noise]);
    for (const [g, name, size] of entries) {
      const item = make("li"), button = make("button");
      button.type = "button";
      button.append(swatch(g), make("span", "name", name), make("span", "count", number.format(size)));
      button.addEventListener("click", () => this.hooks.pickGroup(g));
      item.append(button);
      find("legend").append(item);
    }
  }
}
