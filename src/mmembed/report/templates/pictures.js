/* Thumbnails: of typical rows they are in the cards already, of other points in the data. */

class Pictures {
  constructor() {
    this.inCards = new Map();
    this.loaded = new Map();
    for (const image of document.querySelectorAll("img[data-picture]")) {
      const i = Number(image.dataset.picture);
      if (!this.inCards.has(i)) this.inCards.set(i, image.src);
    }
    this.videos = new Set(data.videos || []);
    this.any = this.inCards.size > 0 || Object.keys(data.thumbnails).length > 0;
  }

  source(i) { return data.thumbnails[i] || this.inCards.get(i) || null; }

  // An image that is ready to be drawn, or null; `ready` is called once it is.
  image(i, ready) {
    let image = this.loaded.get(i);
    if (!image) {
      image = new Image();
      image.onload = ready;
      image.src = this.source(i);
      this.loaded.set(i, image);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  // As many pictures as fit on the map without overlapping, the ones of the active points only.
  paint(context, camera, colors, active, redraw) {
    const edge = camera.width < 600 ? 40 : 52, half = edge / 2;
    const taken = new Set();
    const isFree = (column, row) => {
      for (let c = -2; c <= 2; c++) for (let r = -2; r <= 2; r++) if (taken.has(`${column + c},${row + r}`)) return false;
      return true;
    };
    for (let i = 0; i < points.count; i++) {
      if ((active && !active[i]) || !this.source(i)) continue;
      const px = camera.x(i), py = camera.y(i);
      if (px < 0 || py < 0 || px > camera.width || py > camera.height) continue;
      const column = Math.floor(px / half), row = Math.floor(py / half);
      if (!isFree(column, row)) continue;
      taken.add(`${column},${row}`);
      const image = this.image(i, redraw);
      if (!image) continue;
      const scale = edge / Math.max(image.width, image.height);
      const w = image.width * scale, h = image.height * scale;
      context.fillStyle = points.group[i] === NOISE ? colors.noise : colors.tone(points.group[i]);
      context.beginPath();
      context.roundRect(px - w / 2 - 2, py - h / 2 - 2, w + 4, h + 4, 5);
      context.fill();
      context.drawImage(image, px - w / 2, py - h / 2, w, h);
    }
  }
}
