/* The elements of the board: map, tools, the card beside a point, search, choices and lists. */

const ICONS = {
  in: "M8 3v10M3 8h10",
  out: "M3 8h10",
  whole: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  lasso: "M8 2.6c3.200 0 5.600 1.800 5.600 4.200S11.200 11 8 11 2.400 9.200 2.400 6.800 4.800 2.600 8 2.600zM4.600 10.600c-1.200 1.300-.4 3 1.400 3.200",
  search: "M11.2 7a4.2 4.2 0 1 1-8.4 0 4.2 4.2 0 0 1 8.4 0zM10.2 10.2L14 14",
  close: "M4 4l8 8M12 4l-8 8",
};

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

class Board {
  constructor(root, table) {
    this.root = root;
    this.words = (key, values) => table.words(key, values);
    this.parts = {};
    root.replaceChildren(this.mapSide(table), this.panelSide(table));
  }

  find(id) { return this.parts[id]; }

  part(tag, id, className, text) {
    const element = make(tag, className, text);
    element.id = id;
    this.parts[id] = element;
    return element;
  }

  button(id, key, ...inside) {
    const button = this.part("button", id);
    button.type = "button";
    button.setAttribute("aria-label", this.words(key));
    button.title = this.words(key);
    button.append(...inside);
    return button;
  }

  mapSide(table) {
    const map = this.part("div", "map", "map"), canvas = this.part("canvas", "canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", this.words("map_label", { points: table.number.format(table.count) }));
    const tools = this.part("div", "tools", "tools");
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", this.words("map"));
    tools.append(
      this.button("zoom-in", "zoom_in", icon("in")), this.button("zoom-out", "zoom_out", icon("out")),
      this.button("zoom-reset", "zoom_reset", icon("whole")), this.button("lasso", "lasso", icon("lasso")),
    );
    this.find("lasso").setAttribute("aria-pressed", "false");
    const pictures = this.part("label", "pictures-switch", "pictures-switch"), box = this.part("input", "pictures");
    box.type = "checkbox";
    pictures.append(box, make("span", "", this.words("pictures")));
    pictures.hidden = true;
    const tip = this.part("div", "tip", "tip"), close = this.button("tip-close", "close", icon("close"));
    close.className = "tip-close";
    close.removeAttribute("title");
    tip.hidden = true;
    tip.append(close, this.part("div", "tip-body"));
    const announce = this.part("div", "announce", "unseen");
    announce.setAttribute("role", "status");
    map.append(canvas, tools, pictures, tip, announce);
    return map;
  }

  panelSide(table) {
    const panel = make("div", "panel"), search = make("label", "search"), field = this.part("input", "search");
    panel.setAttribute("role", "region");
    panel.setAttribute("aria-label", this.words("search"));
    field.type = "search";
    field.placeholder = this.words("search_hint");
    field.autocomplete = "off";
    field.spellcheck = false;
    search.append(make("span", "unseen", this.words("search")), icon("search"), field);
    const status = make("div", "status"), told = this.part("span", "status"), actions = make("span", "actions");
    told.setAttribute("role", "status");
    told.setAttribute("aria-live", "polite");
    for (const id of ["download", "clear"]) {
      const button = this.part("button", id, "link", this.words(id));
      button.type = "button";
      button.hidden = true;
      actions.append(button);
    }
    status.append(told, actions);
    const scroller = make("div", "scroller"), more = this.part("button", "more", "link more");
    scroller.tabIndex = -1;
    more.type = "button";
    more.hidden = true;
    const hits = this.part("ul", "hits", "hits"), alike = this.part("ul", "alike", "hits");
    hits.hidden = alike.hidden = true;
    const head = this.part("p", "alike-head", "alike-head");
    head.hidden = true;
    scroller.append(this.part("ul", "legend", "legend"), hits, more, head, alike);
    panel.append(search, this.choices(table), status, scroller);
    return panel;
  }

  // What colours the points, and which values are kept.
  choices(table) {
    const choices = make("div", "choices");
    const places = table.columns.map((_, place) => place);
    const colors = places.filter((place) => table.columns[place].color);
    if (colors.length) {
      const select = this.select("color", this.words("color"), choices);
      this.option(select, "topics", this.words("topics"));
      for (const place of colors) this.option(select, `column-${place}`, table.columns[place].name);
    }
    for (const place of places.filter((one) => table.columns[one].filter)) this.filterOf(table, place, choices);
    choices.hidden = !choices.childElementCount;
    return choices;
  }

  select(id, name, parent) {
    const line = make("div", "choice"), select = this.part("select", id);
    select.setAttribute("aria-label", name);
    line.append(make("span", "choice-name", name), select);
    parent.append(line);
    return select;
  }

  option(select, value, text) {
    const option = make("option", "", text);
    option.value = value;
    select.append(option);
  }

  filterOf(table, place, parent) {
    const column = table.columns[place];
    if (!column.isScale) {
      const select = this.select(`filter-${place}`, column.name, parent), sizes = Coloring.ofColumn(table, place);
      this.option(select, "", this.words("any"));
      for (const [code, value] of column.values.entries()) this.option(select, String(code), `${value} (${table.number.format(sizes.sizes[code])})`);
      return;
    }
    const line = make("div", `choice of-${column.kind}`), fields = make("span", "range");
    for (const end of ["from", "to"]) {
      const field = this.part("input", `filter-${place}-${end}`);
      field.type = column.kind === "time" ? "date" : "number";
      if (column.kind === "number") field.step = "any";
      field.setAttribute("aria-label", `${column.name}: ${this.words(end)}`);
      field.placeholder = column.kind === "time" ? "" : shortNumber(end === "from" ? column.low : column.high);
      fields.append(field);
      if (end === "from") fields.append(make("span", "", "–"));
    }
    line.append(make("span", "choice-name", column.name), fields);
    parent.append(line);
  }
}

const shortNumber = (value) => String(Number(value.toPrecision(5)));
const dateOf = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);
