/* The card beside a point: its picture, cluster and texts. Pinned, it stays and can be scrolled. */

class Tip {
  constructor(element, body, pictures) {
    this.element = element;
    this.body = body;
    this.pictures = pictures;
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
    const { map, element, body } = this;
    if (map.ring !== i) { map.ring = i; map.draw(); }
    if (i < 0) { element.hidden = true; return; }
    body.replaceChildren();
    const source = this.pictures.source(i);
    if (source) {
      const frame = make("span", "frame"), image = make("img");
      image.src = source;
      image.alt = words("picture", { text: title(i) });
      frame.append(image);
      if (this.pictures.videos.has(i)) frame.append(make("span", "play"));
      body.append(frame);
    }
    const texts = make("div", "tip-texts"), head = make("div", "tip-group");
    head.append(swatch(points.group[i]), make("span", "", groupName(i)), make("span", "row-label", rowName(i)));
    texts.append(head);
    data.texts.map((column) => column[i]).filter(Boolean).forEach((text, place) => {
      texts.append(make("p", place ? "tip-line second" : "tip-line", text));
    });
    body.append(texts);
    element.dataset.point = i;
    element.hidden = false;
    this.place();
  }

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
