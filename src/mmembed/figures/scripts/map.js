/* The map: joins camera, dots, names, pictures, lasso and gestures on one canvas. Knows nothing of the board around it. */

// When nothing has moved for so long, names and pictures find their places.
const REST_MILLISECONDS = 130;

class PointMap {
  constructor(canvas, points, colors, coloring, hooks) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.points = points;
    this.colors = colors;
    this.hooks = hooks;
    // 1 for each point in colour, or null for all; the count tells one filter from the next.
    this.active = null;
    this.filterCount = 0;
    this.chosen = -1;
    this.ring = -1;
    this.links = null;
    this.pictures = null;
    this.looping = false;
    this.settled = false;
    this.camera = new Camera(points, () => { hooks.moved?.(); this.unsettle(); this.draw(); });
    this.grid = new Grid(points);
    this.dots = new Dots(points, this.camera, colors);
    this.dots.recolor(coloring);
    this.labels = new Names(points, this.camera, colors, hooks.toolBox);
    this.lasso = new Lasso();
    this.letGo = listenToGestures(this);
    // Canvases come back empty when the graphics card was reset, as after a laptop's sleep.
    canvas.addEventListener("contextrestored", () => this.repaint());
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(canvas.parentElement);
    this.resize();
  }

  close() {
    this.watcher.disconnect();
    clearTimeout(this.rest);
    this.letGo();
  }

  get view() { return this.camera.view; }
  get width() { return this.camera.width; }
  get height() { return this.camera.height; }
  get names() { return this.labels.boxes; }
  get isWhole() { return this.view.k === 1; }
  screenX(i) { return this.camera.x(i); }
  screenY(i) { return this.camera.y(i); }
  nameAt(px, py) { return this.labels.at(px, py); }
  pointAt(px, py, reach) {
    const pictured = this.pictures ? this.pictures.at(px, py) : -1;
    return pictured >= 0 ? pictured : this.nearest(px, py, reach);
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    if (box.width === this.boxWidth && box.height === this.boxHeight) return;
    [this.boxWidth, this.boxHeight] = [box.width, box.height];
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(box.width * this.ratio);
    this.canvas.height = Math.round(box.height * this.ratio);
    this.arrangeWhole();
    if (!this.isWhole) this.arrangeView();
    this.dots.forget();
    this.draw();
  }

  // The fit of the whole map with all its names; what the window's size and the pictures decide.
  arrangeWhole() {
    const { camera } = this, kept = camera.view;
    const wide = camera.width === this.boxWidth || !camera.width;
    camera.view = { k: 1, x: 0, y: 0 };
    const boxes = () => (this.pictures ? this.pictures.arrange(camera, null) : []);
    this.labels.arrange(this.context, this.boxWidth, this.boxHeight, this.dots.radius(), boxes);
    this.whole = this.labels.layout;
    if (wide && kept.k !== 1) camera.view = kept;
    this.hooks.arranged?.(this.whole.missing);
    if (this.active) this.arrangePictures();
    this.settled = true;
  }

  arrangePictures() {
    if (!this.pictures) return;
    const names = this.isWhole ? this.whole.places.map((one) => ({ left: one.left, up: one.up, right: one.right, bottom: one.bottom })) : [];
    return this.pictures.arrange(this.camera, this.active, [...names, this.hooks.toolBox()]);
  }

  arrangeView() {
    const boxes = this.arrangePictures() || [];
    if (this.isWhole) this.labels.layout = this.whole;
    else this.labels.arrangeView(this.context, this.dots.radius(), boxes, this.active);
    this.settled = true;
  }

  unsettle() {
    this.settled = false;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.arrangeView();
      this.hooks.rested?.();
      this.draw();
    }, REST_MILLISECONDS);
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    if (!this.camera.width) return;
    const { context, camera, active, dots } = this;
    const key = [camera.width, camera.height, camera.base.kx, camera.base.ky, this.filterCount].join("/");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = this.colors.surface;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    dots.filterCount = this.filterCount;
    dots.paint(context, key, active, this.ratio, !this.settled);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.links) this.paintLinks();
    this.labels.paintLines(context, active, this.chosen);
    if (this.pictures) this.pictures.paint(context, camera, (i) => this.toneOf(i), () => this.draw());
    this.labels.paintNames(context, this.chosen);
    if (this.ring >= 0) this.paintRing(dots.radius());
    this.lasso.paint(context, this.colors);
    this.canvas.classList.toggle("zoomed", camera.view.k > 1.01 || this.looping);
  }

  toneOf(i) {
    const { codes, tones } = this.dots.coloring;
    return codes[i] === NOISE ? this.colors.noise : this.colors.of(tones[codes[i]]);
  }

  // From a point to the ones that are like it.
  paintLinks() {
    const { context, links: [from, to] } = this;
    context.beginPath();
    for (const i of to) {
      context.moveTo(this.screenX(from), this.screenY(from));
      context.lineTo(this.screenX(i), this.screenY(i));
    }
    context.lineWidth = 1.2;
    context.globalAlpha = 0.55;
    context.strokeStyle = this.colors.ink;
    context.stroke();
    context.globalAlpha = 1;
  }

  paintRing(radius) {
    const { context, ring } = this;
    const box = this.pictures?.boxes?.find((one) => one[4] === ring);
    context.beginPath();
    if (box) context.roundRect(box[0] - 4, box[1] - 4, box[2] - box[0] + 8, box[3] - box[1] + 8, 6);
    else context.arc(this.screenX(ring), this.screenY(ring), radius + 3.5, 0, 7);
    context.lineWidth = 2.2;
    context.strokeStyle = this.colors.ink;
    context.stroke();
  }

  nearest(px, py, reach) {
    const { ax, bx, ay, by } = this.camera.terms(), { x, y } = this.points;
    let best = -1, least = reach * reach;
    this.grid.inBox((px - reach - bx) / ax, (py + reach - by) / ay, (px + reach - bx) / ax, (py - reach - by) / ay, (i) => {
      if (this.active && !this.active[i]) return;
      const dx = x[i] * ax + bx - px, dy = y[i] * ay + by - py;
      const distance = dx * dx + dy * dy;
      if (distance < least || (distance === least && i < best)) { least = distance; best = i; }
    });
    return best;
  }

  // The nearest point in a direction on the screen, within 45 degrees to either side; -1 where there is none.
  nextTo(i, dx, dy) {
    const { ax, ay } = this.camera.terms(), { x, y, count } = this.points;
    let best = -1, least = Infinity;
    for (let j = 0; j < count; j++) {
      if (j === i || (this.active && !this.active[j])) continue;
      const sx = (x[j] - x[i]) * ax, sy = (y[j] - y[i]) * ay, along = sx * dx + sy * dy, across = Math.abs(sx * dy) + Math.abs(sy * dx);
      if (along <= 0 || across > along) continue;
      const distance = along + 1.5 * across;
      if (distance < least) { least = distance; best = j; }
    }
    return best;
  }

  nearestToMiddle() {
    for (let reach = 30; reach < 3000; reach *= 2) {
      const found = this.nearest(this.width / 2, this.height / 2, reach);
      if (found >= 0) return found;
    }
    return -1;
  }

  // Colour some points only, or all.
  filter(active, chosen) {
    this.active = active;
    this.chosen = chosen;
    this.filterCount++;
    if (this.camera.width) this.arrangeView();
    this.draw();
  }

  recolor(coloring) {
    this.dots.recolor(coloring);
    this.draw();
  }

  usePictures(pictures) {
    this.pictures = pictures;
    if (!this.camera.width) return;
    this.arrangeWhole();
    this.arrangeView();
    this.dots.forget();
    this.draw();
  }

  loop(on) {
    this.looping = on;
    this.canvas.classList.toggle("looping", on);
    this.draw();
  }

  repaint() {
    this.dots.forget();
    this.paint();
  }
}
