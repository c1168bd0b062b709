/* The map: joins camera, dots, names, pictures, lasso and gestures on one canvas. Knows nothing of the page around it. */

class PointMap {
  constructor(canvas, points, colors, hooks) {
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
    this.pictures = null;
    this.looping = false;
    this.camera = new Camera(points, () => { hooks.moved?.(); this.draw(); });
    this.grid = new Grid(points);
    this.dots = new Dots(points, this.camera, colors);
    this.labels = new Names(points, this.camera, colors, hooks.toolsWidth);
    this.lasso = new Lasso();
    listenToGestures(this);
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  get view() { return this.camera.view; }
  get width() { return this.camera.width; }
  get height() { return this.camera.height; }
  get names() { return this.labels.boxes; }
  screenX(i) { return this.camera.x(i); }
  screenY(i) { return this.camera.y(i); }
  nameAt(px, py) { return this.labels.at(px, py); }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(box.width * this.ratio);
    this.canvas.height = Math.round(box.height * this.ratio);
    this.camera.fit(box.width, box.height);
    this.dots.forget();
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    const { context, camera, active } = this;
    const key = [camera.view.k, camera.width, camera.height, this.chosen, this.filterCount].join("/");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.colors.surface;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.dots.paint(context, key, active, this.ratio);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.pictures) this.pictures.paint(context, camera, this.colors, active, () => this.draw());
    this.labels.paint(context, key, active, this.chosen);
    if (this.ring >= 0) this.paintRing(this.dots.radius());
    this.lasso.paint(context, this.colors);
    this.canvas.classList.toggle("zoomed", camera.view.k > 1.01 || this.looping);
  }

  paintRing(radius) {
    const { context } = this;
    context.beginPath();
    context.arc(this.screenX(this.ring), this.screenY(this.ring), radius + 3.5, 0, 7);
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

  // Colour some points only, or all.
  filter(active, chosen) {
    this.active = active;
    this.chosen = chosen;
    this.filterCount++;
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
