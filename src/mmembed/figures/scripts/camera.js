/* Where points are on the screen: the fit of the whole map, and the zoom and shift of the moment. */

const DEEPEST_ZOOM = 80;
const MOST_STRETCH = 1.35;

class Camera {
  constructor(points, moved) {
    this.points = points;
    this.moved = moved;
    this.view = { k: 1, x: 0, y: 0 };
    this.base = { kx: 1, ky: 1, x: 0, y: 0 };
    this.width = 0;
    this.height = 0;
  }

  // The cloud in the middle of the room that margins leave. One axis may be stretched a little; more would distort
  // distances.
  fit(width, height, { stretch = MOST_STRETCH, share = 1, bottom = 0, margin = 18 } = {}) {
    const old = this.width;
    this.width = width;
    this.height = height;
    const { right, top } = this.points;
    const room = [(width - 2 * margin) * share, (height - 2 * margin - bottom) * share];
    const fit = [right > 0 ? room[0] / right : Infinity, top > 0 ? room[1] / top : Infinity];
    const least = Math.min(...fit);
    const [kx, ky] = Number.isFinite(least) ? fit.map((one) => Math.min(one, least * stretch)) : [1, 1];
    this.base = { kx, ky, x: (width - right * kx) / 2, y: (height - bottom + top * ky) / 2 };
    if (old && old !== width) this.view = { k: 1, x: 0, y: 0 };
  }

  x(i) { return (this.points.x[i] * this.base.kx + this.base.x) * this.view.k + this.view.x; }
  y(i) { return (this.base.y - this.points.y[i] * this.base.ky) * this.view.k + this.view.y; }

  // Screen x = points.x * ax + bx, and y likewise.
  terms() {
    const { base, view } = this;
    return { ax: base.kx * view.k, bx: base.x * view.k + view.x, ay: -base.ky * view.k, by: base.y * view.k + view.y };
  }

  // The view without the size of the window: the middle in map coordinates, and the zoom.
  get place() {
    const { ax, bx, ay, by } = this.terms();
    return { x: (this.width / 2 - bx) / ax, y: (this.height / 2 - by) / ay, k: this.view.k };
  }

  goTo({ x, y, k }) {
    const { base } = this, zoom = Math.min(Math.max(k, 1), DEEPEST_ZOOM);
    this.stop();
    this.set({ k: zoom, x: this.width / 2 - (x * base.kx + base.x) * zoom, y: this.height / 2 - (base.y - y * base.ky) * zoom });
  }

  set(view) {
    const { k } = view;
    // Some of the map always stays in sight.
    const slack = { x: this.width * 0.3, y: this.height * 0.3 };
    const clamp = (value, size, free) => Math.min(Math.max(value, size - size * k - (k > 1 ? free : 0)), k > 1 ? free : 0);
    this.view = { k, x: clamp(view.x, this.width, slack.x), y: clamp(view.y, this.height, slack.y) };
    this.moved();
  }

  zoomed(px, py, factor) {
    const k = Math.min(Math.max(this.view.k * factor, 1), DEEPEST_ZOOM), grow = k / this.view.k;
    return { k, x: px - (px - this.view.x) * grow, y: py - (py - this.view.y) * grow };
  }

  zoomAt(px, py, factor) { this.set(this.zoomed(px, py, factor)); }
  zoomStep(factor) { this.travel(this.zoomed(this.width / 2, this.height / 2, factor)); }
  shift(dx, dy) { this.set({ k: this.view.k, x: this.view.x + dx, y: this.view.y + dy }); }
  reset() { this.travel({ k: 1, x: 0, y: 0 }); }
  stop() { cancelAnimationFrame(this.trip); }

  travel(target) {
    this.stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) { this.set(target); return; }
    const from = { ...this.view }, start = performance.now();
    const step = (now) => {
      const t = Math.min(Math.max((now - start) / 360, 0), 1), eased = 1 - (1 - t) ** 3;
      const k = from.k * (target.k / from.k) ** eased;
      // Interpolated by the zoom itself, so that the way is straight on the screen.
      const share = target.k === from.k ? eased : (k - from.k) / (target.k - from.k);
      this.set({ k, x: from.x + (target.x - from.x) * share, y: from.y + (target.y - from.y) * share });
      if (t < 1) this.trip = requestAnimationFrame(step);
    };
    this.trip = requestAnimationFrame(step);
  }

  // Show some points large, without the outermost ones that would make the view too wide.
  show(rows) {
    if (!rows.length) return;
    const bounds = (axis) => {
      const sorted = Float64Array.from(rows, (i) => axis[i]).sort();
      const cut = rows.length > 20 ? Math.floor(rows.length * 0.02) : 0;
      return [sorted[cut], sorted[rows.length - 1 - cut]];
    };
    const [left, right] = bounds(this.points.x), [low, high] = bounds(this.points.y);
    const b = this.base;
    const x0 = left * b.kx + b.x, x1 = right * b.kx + b.x, y0 = b.y - high * b.ky, y1 = b.y - low * b.ky;
    const most = rows.length === 1 ? Math.max(this.view.k, 4) : 14;
    const wanted = Math.min((this.width * 0.62) / (x1 - x0 || 1), (this.height * 0.62) / (y1 - y0 || 1), most);
    const k = Math.min(Math.max(wanted, 1), DEEPEST_ZOOM);
    this.travel({ k, x: this.width / 2 - ((x0 + x1) / 2) * k, y: this.height / 2 - ((y0 + y1) / 2) * k });
  }

  // Bring a point into sight, if it is not, without another zoom.
  reveal(i) {
    const px = this.x(i), py = this.y(i), rim = 40;
    if (px > rim && py > rim && px < this.width - rim && py < this.height - rim) return;
    this.travel({ k: this.view.k, x: this.view.x + this.width / 2 - px, y: this.view.y + this.height / 2 - py });
  }
}
