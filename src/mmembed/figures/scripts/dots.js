/* The points themselves. A drag moves a finished picture of them, and a zoom of many points scales it until the map
   rests; they are drawn again only where its edge shows or its scale is too far off. */

// From here on, points are written as pixels.
const MANY = 4000;
// How much a finished picture may be scaled while the map moves.
const MOST_SCALED = 1.3;

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

  // `key` changes whenever the points look different apart from shift and zoom; while the map is `moving`, a picture of
  // them may be scaled.
  paint(context, key, active, ratio, moving) {
    const { view } = this.camera;
    if (this.drawnKey !== key) {
      this.drawnKey = key;
      this.layer = null;
    }
    const fit = this.layer && this.fitOf(this.layer, moving);
    if (fit) { this.showLayer(context, fit, ratio); return; }
    if (this.points.count <= MANY && view.k !== this.layer?.k) {
      // Few points are drawn anew in each frame of a zoom, as sharp as they are.
      this.layer = { k: view.k };
      this.draw(context, active, ratio, 0, 0);
      return;
    }
    this.drawLayer(context.canvas, active, ratio);
    this.showLayer(context, this.fitOf(this.layer, moving), ratio);
  }

  // Where a finished picture lies on the screen, and how much it is scaled; null where it does not do.
  fitOf({ canvas, k, x, y, spare }, moving) {
    const { view, width, height } = this.camera, scale = view.k / k;
    if (!canvas || (scale !== 1 && (!moving || scale > MOST_SCALED || scale < 1 / MOST_SCALED))) return null;
    const left = view.x - (x + spare.x) * scale, top = view.y - (y + spare.y) * scale;
    const isCovered = left <= 0 && top <= 0 && left + (width + 2 * spare.x) * scale >= width && top + (height + 2 * spare.y) * scale >= height;
    return isCovered ? { left, top, scale } : null;
  }

  drawLayer(screen, active, ratio) {
    const { view, width, height } = this.camera, spare = { x: Math.round(width * 0.3), y: Math.round(height * 0.3) };
    const canvas = this.spareCanvas || (this.spareCanvas = document.createElement("canvas"));
    const wide = screen.width + Math.round(2 * spare.x * ratio), high = screen.height + Math.round(2 * spare.y * ratio);
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    this.layer = { canvas, k: view.k, x: view.x, y: view.y, spare };
    this.draw(canvas.getContext("2d"), active, ratio, spare.x, spare.y);
  }

  showLayer(context, { left, top, scale }, ratio) {
    const { canvas } = this.layer;
    if (scale === 1) { context.drawImage(canvas, Math.round(left * ratio), Math.round(top * ratio)); return; }
    context.imageSmoothingQuality = "low";
    const part = { width: context.canvas.width / scale, height: context.canvas.height / scale };
    context.drawImage(canvas, (-left * ratio) / scale, (-top * ratio) / scale, part.width, part.height, 0, 0, context.canvas.width, context.canvas.height);
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
    const raster = this.rasterOf(context.canvas.width + 2 * margin, context.canvas.height + 2 * margin);
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

  // The pixels of the last picture are used again.
  rasterOf(width, height) {
    if (this.raster?.width !== width || this.raster.height !== height) this.raster = new Raster(width, height);
    this.raster.clear(this.colors.surface);
    return this.raster;
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
