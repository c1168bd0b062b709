/* The points themselves. A drag moves a finished picture of them; they are drawn again only where its edge shows. */

// From here on, points are written as pixels.
const MANY = 4000;

class Dots {
  constructor(points, camera, colors) {
    this.points = points;
    this.camera = camera;
    this.colors = colors;
    this.sprites = new Map();
    this.density = new Density(points);
    this.times = 0;
  }

  // What colours the points from now on.
  recolor(coloring) {
    this.coloring = coloring;
    this.order = this.drawingOrder();
    this.forget();
  }

  // Grey ones first, so that they lie under the others.
  drawingOrder() {
    const { count } = this.points, { codes } = this.coloring;
    const order = new Uint32Array(count);
    let place = 0;
    for (let i = 0; i < count; i++) if (codes[i] === NOISE) order[place++] = i;
    for (let i = 0; i < count; i++) if (codes[i] !== NOISE) order[place++] = i;
    return order;
  }

  // Drop everything drawn beforehand, e.g. when the colours change.
  forget() {
    this.sprites.clear();
    this.drawnKey = this.layer = this.density.key = null;
  }

  radius() {
    const n = this.points.count;
    const base = n <= 60 ? 7 : n <= 400 ? 5.5 : n <= 2000 ? 4.2 : n <= 8000 ? 3 : n <= 30000 ? 2.2 : 1.6;
    return Math.min(base * this.camera.view.k ** 0.28, 9);
  }

  // `key` changes whenever the points look different apart from their shift.
  paint(context, key, active, ratio) {
    const { view, width, height } = this.camera;
    const spare = { x: Math.round(width * 0.3), y: Math.round(height * 0.3) };
    if (this.drawnKey !== key) {
      // The first frame of a zoom is drawn as it is: the next one may have another scale again.
      this.drawnKey = key;
      this.layer = null;
      this.draw(context, active, ratio, 0, 0);
      return;
    }
    let { layer } = this;
    if (!layer || Math.abs(view.x - layer.x) > spare.x || Math.abs(view.y - layer.y) > spare.y) {
      const canvas = this.spareCanvas || (this.spareCanvas = document.createElement("canvas"));
      canvas.width = context.canvas.width + Math.round(2 * spare.x * ratio);
      canvas.height = context.canvas.height + Math.round(2 * spare.y * ratio);
      layer = this.layer = { canvas, x: view.x, y: view.y };
      this.draw(canvas.getContext("2d"), active, ratio, spare.x, spare.y);
    }
    const left = Math.round((view.x - layer.x - spare.x) * ratio), top = Math.round((view.y - layer.y - spare.y) * ratio);
    context.drawImage(layer.canvas, left, top);
  }

  draw(context, active, ratio, spareX, spareY) {
    this.times++;
    const { ax, bx, ay, by } = this.camera.terms();
    const scale = { ax: ax * ratio, bx: (bx + spareX) * ratio, ay: ay * ratio, by: (by + spareY) * ratio };
    context.setTransform(1, 0, 0, 1, 0, 0);
    const { colors, coloring } = this, { k } = this.camera.view;
    const glow = this.density.picture(`${coloring.key}/${this.filterCount}/${colors.shade}`, coloring, active, colors);
    if (this.points.count > MANY) {
      this.drawPixels(context, active, ratio, scale);
      // The pixels are a whole picture: the glow is mixed in upon it, as it would shine through from below.
      context.globalCompositeOperation = colors.shade ? "screen" : "multiply";
      this.density.paint(context, glow, scale, k);
      context.globalCompositeOperation = "source-over";
      return;
    }
    context.fillStyle = colors.surface;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    this.density.paint(context, glow, scale, k);
    this.drawSprites(context, active, ratio, scale);
  }

  drawPixels(context, active, ratio, { ax, bx, ay, by }) {
    const { points, colors, coloring } = this, { x, y } = points, { codes } = coloring;
    const radius = this.radius() * ratio;
    // A margin, so that dots at the edge are cut there and not left out.
    const margin = Math.ceil(radius) + 3;
    const raster = new Raster(context.canvas.width + 2 * margin, context.canvas.height + 2 * margin, colors.surface);
    const alpha = points.count > 30000 ? 0.6 : 0.72;
    const dots = coloring.tones.map((pair) => raster.dot(colors.of(pair), radius, alpha));
    const noise = raster.dot(colors.noise, radius * 0.85, 0.6), faded = raster.dot(colors.faded, radius * 0.85, 0.5);
    const left = bx + margin, top = by + margin;
    for (const pass of active ? [0, 1] : [1]) {
      for (const i of this.order) {
        if (active && Boolean(active[i]) !== Boolean(pass)) continue;
        raster.stamp(x[i] * ax + left, y[i] * ay + top, !pass ? faded : codes[i] === NOISE ? noise : dots[codes[i]]);
      }
    }
    context.putImageData(raster.image, -margin, -margin);
  }

  drawSprites(context, active, ratio, { ax, bx, ay, by }) {
    const { points, colors, coloring } = this, { x, y } = points, { codes } = coloring;
    const radius = this.radius();
    const stamps = coloring.tones.map((pair) => this.sprite(colors.of(pair), radius, 0.92, ratio));
    const noise = this.sprite(colors.noise, radius * 0.85, 0.75, ratio), faded = this.sprite(colors.faded, radius * 0.85, 0.6, ratio);
    const right = context.canvas.width + 20, bottom = context.canvas.height + 20;
    for (const pass of active ? [0, 1] : [1]) {
      for (const i of this.order) {
        if (active && Boolean(active[i]) !== Boolean(pass)) continue;
        const px = x[i] * ax + bx, py = y[i] * ay + by;
        if (px < -20 || py < -20 || px > right || py > bottom) continue;
        const stamp = !pass ? faded : codes[i] === NOISE ? noise : stamps[codes[i]];
        const half = stamp.width >> 1;
        context.drawImage(stamp, (px - half) | 0, (py - half) | 0);
      }
    }
  }

  sprite(color, radius, alpha, ratio) {
    const key = `${color}/${radius.toFixed(1)}/${alpha}/${ratio}`;
    let sprite = this.sprites.get(key);
    if (sprite) return sprite;
    if (this.sprites.size > 400) this.sprites.clear();
    const edge = Math.ceil((radius + 1.5) * ratio) * 2;
    sprite = document.createElement("canvas");
    sprite.width = sprite.height = edge;
    const context = sprite.getContext("2d");
    context.globalAlpha = alpha;
    context.beginPath();
    context.arc(edge / 2, edge / 2, radius * ratio, 0, 7);
    context.fillStyle = color;
    context.fill();
    if (radius > 3) {
      context.lineWidth = 0.9 * ratio;
      context.strokeStyle = this.colors.surface;
      context.stroke();
    }
    this.sprites.set(key, sprite);
    return sprite;
  }
}
