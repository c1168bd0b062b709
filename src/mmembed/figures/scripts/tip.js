/* The card beside a point: its picture, topic and texts. Pinned, it stays, can be scrolled, and finds more like it. */

class Tip {
  constructor(board, table, pictures, swatch, hooks) {
    this.element = board.find("tip");
    this.body = board.find("tip-body");
    this.table = table;
    this.pictures = pictures;
    this.swatch = swatch;
    this.hooks = hooks;
    this.pinned = -1;
    this.map = null;
  }

  hover(i) { if (this.pinned < 0) this.show(i); }

  pin(i) {
    this.pinned = i;
    this.element.classList.toggle("pinned", i >= 0);
    this.show(i);
  }

  show(i) {
    const { map, element, body, table, pictures } = this;
    if (map.ring !== i) { map.ring = i; map.draw(); }
    if (i < 0) { element.hidden = true; return; }
    body.replaceChildren();
    pictures.want([i]);
    const source = pictures.source(i);
    if (source) {
      const frame = make("span", "frame"), image = make("img");
      image.src = source;
      image.alt = table.words("picture", { text: table.title(i) });
      frame.append(image);
      if (pictures.videos.has(i)) frame.append(make("span", "play"));
      body.append(frame);
    }
    const texts = make("div", "tip-texts"), head = make("div", "tip-group");
    head.append(this.swatch(i), make("span", "", table.groupName(i)), make("span", "row-label", table.rowName(i)));
    texts.append(head);
    if (table.data.files?.[i]) texts.append(make("p", "tip-line", table.data.files[i]));
    table.data.texts.map((column) => column[i]).filter(Boolean).forEach((text, place) => {
      texts.append(make("p", place ? "tip-line second" : "tip-line", text));
    });
    for (const column of table.columns) {
      const value = cellOf(column, i);
      if (value !== null) texts.append(make("p", "tip-cell", `${column.name}: ${value}`));
    }
    if (this.pinned >= 0 && table.near) {
      const like = make("button", "link like", table.words("like_this"));
      like.type = "button";
      like.addEventListener("click", () => this.hooks.like(i));
      texts.append(like);
    }
    body.append(texts);
    element.dataset.point = i;
    element.hidden = false;
    this.place();
  }

  // A picture that arrived late belongs into the card that is open.
  refresh(i) { if (!this.element.hidden && Number(this.element.dataset.point) === i) this.show(i); }

  place() {
    const { map, element } = this;
    if (element.hidden) return;
    const i = Number(element.dataset.point), gap = 16;
    const px = map.screenX(i), py = map.screenY(i), w = element.offsetWidth, h = element.offsetHeight;
    const left = px + gap + w <= map.width - 6 ? px + gap : px - gap - w;
    element.style.left = `${Math.min(Math.max(left, 6), Math.max(map.width - w - 6, 6))}px`;
    element.style.top = `${Math.min(Math.max(py - h / 2, 6), Math.max(map.height - h - 6, 6))}px`;
  }
}

// The cell of a column as text; null where it is missing.
function cellOf(column, i) {
  const code = column.codes[i];
  if (code === NOISE) return null;
  if (!column.isScale) return column.values[code];
  const value = column.numberAt(code);
  return column.kind === "time" ? dateOf(value) : String(Number(value.toPrecision(4)));
}
