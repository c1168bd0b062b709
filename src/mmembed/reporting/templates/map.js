"use strict";

/* The map: points on a canvas with names, moved and zoomed by pointer, wheel and keys. Knows nothing of the page. */

const NOISE = 0xffff;
const DEEPEST_ZOOM = 80;
const MOST_STRETCH = 1.35;
// Where a name may stand, in its own widths and heights from its anchor; the best places first.
const NAME_PLACES = [[0, 0], [0, -1], [0, 1], [0.58, 0], [-0.58, 0], [0.5, -1], [-0.5, -1], [0.5, 1], [-0.5, 1], [0, -2], [0, 2], [0.5, -2], [-0.5, -2], [0.5, 2], [-0.5, 2]];

class PointMap {
  constructor(canvas, points, colors, hooks) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.points = points;
    this.colors = colors;
    this.hooks = hooks;
    this.view = { k: 1, x: 0, y: 0 };
    this.active = null;
    this.filterCount = 0;
    this.chosen = -1;
    this.names = [];
    this.ring = -1;
    this.pictures = null;
    this.base = { kx: 1, ky: 1, x: 0, y: 0 };
    this.layout = { k: 0, places: [] };
    this.habits = new Map();
    this.width = 0;
    this.height = 0;
    this.sprites = new Map();
    this.order = this.drawingOrder();
    this.anchors = this.findAnchors();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  // Noise first, so that it lies under the clusters.
  drawingOrder() {
    const { count, group } = this.points;
    const order = new Uint32Array(count);
    let place = 0;
    for (let i = 0; i < count; i++) if (group[i] === NOISE) order[place++] = i;
    for (let i = 0; i < count; i++) if (group[i] !== NOISE) order[place++] = i;
    return order;
  }

  // The point nearest to the median of each group: a name there never stands in an empty place.
  findAnchors() {
    const { count, group, x, y, names } = this.points;
    const members = names.map(() => []);
    for (let i = 0; i < count; i++) if (group[i] !== NOISE) members[group[i]].push(i);
    this.members = members;
    return members.map((rows) => {
      if (!rows.length) return -1;
      const middle = (axis) => Float64Array.from(rows, (i) => axis[i]).sort()[rows.length >> 1];
      const mx = middle(x), my = middle(y);
      let best = -1, least = Infinity;
      for (const i of rows) {
        const distance = (x[i] - mx) ** 2 + (y[i] - my) ** 2;
        if (distance < least) { least = distance; best = i; }
      }
      return best;
    });
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const old = this.width;
    this.width = box.width;
    this.height = box.height;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(box.width * this.ratio);
    this.canvas.height = Math.round(box.height * this.ratio);
    const { right, top } = this.points;
    const margin = Math.min(46, this.width / 9);
    const room = [this.width - 2 * margin, this.height - 2 * margin - 24];
    const fit = [right > 0 ? room[0] / right : Infinity, top > 0 ? room[1] / top : Infinity];
    const least = Math.min(...fit);
    // One axis may be stretched a little to use the room; more would distort distances.
    const [kx, ky] = Number.isFinite(least) ? fit.map((one) => Math.min(one, least * MOST_STRETCH)) : [1, 1];
    this.base = { kx, ky, x: (this.width - right * kx) / 2, y: (this.height - 24 + top * ky) / 2 };
    if (old && old !== this.width) this.view = { k: 1, x: 0, y: 0 };
    this.forget();
    this.draw();
  }

  // Drop everything drawn beforehand, e.g. when the colours change.
  forget() {
    this.sprites.clear();
    this.drawnKey = null;
    this.layer = null;
  }

  screenX(i) { return (this.points.x[i] * this.base.kx + this.base.x) * this.view.k + this.view.x; }
  screenY(i) { return (this.base.y - this.points.y[i] * this.base.ky) * this.view.k + this.view.y; }

  radius() {
    const n = this.points.count;
    const base = n <= 60 ? 7 : n <= 400 ? 5.5 : n <= 2000 ? 4.2 : n <= 8000 ? 3 : 2.2;
    return Math.min(base * this.view.k ** 0.28, 9);
  }

  // Points are stamped from small pictures of a dot: many times faster than drawing circles.
  sprite(color, radius, alpha) {
    const key = `${color}/${radius.toFixed(1)}/${alpha}`;
    let sprite = this.sprites.get(key);
    if (!sprite) {
      if (this.sprites.size > 400) this.sprites.clear();
      const edge = Math.ceil((radius + 1.5) * this.ratio) * 2;
      sprite = document.createElement("canvas");
      sprite.width = sprite.height = edge;
      const context = sprite.getContext("2d");
      context.globalAlpha = alpha;
      context.beginPath();
      context.arc(edge / 2, edge / 2, radius * this.ratio, 0, 7);
      context.fillStyle = color;
      context.fill();
      if (this.points.count <= 8000 && radius > 3) {
        context.lineWidth = 0.9 * this.ratio;
        context.strokeStyle = this.colors.surface;
        context.stroke();
      }
      this.sprites.set(key, sprite);
    }
    return sprite;
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    const { context } = this;
    const began = performance.now();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.colors.surface;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.paintLayer();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.pictures) this.paintPictures();
    this.paintNames();
    if (this.ring >= 0) this.paintRing(this.radius());
    this.canvas.classList.toggle("zoomed", this.view.k > 1.01);
    this.paintMilliseconds = performance.now() - began;
  }

  // Dragging moves a picture of the points that reaches past the edges; it is redrawn when the edge comes into sight.
  paintLayer() {
    const key = this.layoutKey(), { view, ratio } = this;
    const spare = { x: Math.round(this.width * 0.3), y: Math.round(this.height * 0.3) };
    if (this.drawnKey !== key) {
      // The first frame of a zoom is drawn as it is: the next one may have another scale again.
      this.drawnKey = key;
      this.layer = null;
      this.paintPoints(this.context, this.canvas, view.x, view.y);
      return;
    }
    let { layer } = this;
    if (!layer || Math.abs(view.x - layer.x) > spare.x || Math.abs(view.y - layer.y) > spare.y) {
      const canvas = this.spareCanvas || (this.spareCanvas = document.createElement("canvas"));
      canvas.width = this.canvas.width + 2 * spare.x * ratio;
      canvas.height = this.canvas.height + 2 * spare.y * ratio;
      layer = this.layer = { canvas, x: view.x, y: view.y };
      this.paintPoints(canvas.getContext("2d"), canvas, view.x + spare.x, view.y + spare.y);
    }
    this.context.drawImage(layer.canvas, Math.round((view.x - layer.x - spare.x) * ratio), Math.round((view.y - layer.y - spare.y) * ratio));
  }

  paintPoints(context, canvas, offsetX, offsetY) {
    const { points, active, ratio, base } = this;
    const { k } = this.view;
    const radius = this.radius();
    const alpha = points.count > 8000 ? 0.72 : 0.88;
    const stamps = points.names.map((_, g) => this.sprite(this.colors.tone(g), radius, alpha));
    const noise = this.sprite(this.colors.noise, radius * 0.85, 0.75);
    const faded = this.sprite(this.colors.faded, radius * 0.85, 0.6);
    const ax = base.kx * k * ratio, bx = (base.x * k + offsetX) * ratio;
    const ay = -base.ky * k * ratio, by = (base.y * k + offsetY) * ratio;
    const { x, y, group } = points;
    const right = canvas.width + 20, bottom = canvas.height + 20;
    for (const pass of active ? [0, 1] : [1]) {
      for (const i of this.order) {
        if (active && active[i] !== pass) continue;
        const px = x[i] * ax + bx, py = y[i] * ay + by;
        if (px < -20 || py < -20 || px > right || py > bottom) continue;
        const stamp = !pass ? faded : group[i] === NOISE ? noise : stamps[group[i]];
        const half = stamp.width >> 1;
        context.drawImage(stamp, (px - half) | 0, (py - half) | 0);
      }
    }
  }

  // As many pictures as fit without overlapping, the ones of the chosen points only.
  paintPictures() {
    const { context, points } = this;
    const edge = this.width < 600 ? 40 : 52;
    const taken = new Set();
    for (let i = 0; i < points.count; i++) {
      if ((this.active && !this.active[i]) || !this.pictures.has(i)) continue;
      const px = this.screenX(i), py = this.screenY(i);
      if (px < 0 || py < 0 || px > this.width || py > this.height) continue;
      const column = Math.floor(px / (edge / 2)), row = Math.floor(py / (edge / 2));
      let free = true;
      for (let c = -2; c <= 2 && free; c++) for (let r = -2; r <= 2 && free; r++) free = !taken.has(`${column + c},${row + r}`);
      if (!free) continue;
      taken.add(`${column},${row}`);
      const image = this.pictures.image(i, () => this.draw());
      if (!image) continue;
      const scale = edge / Math.max(image.width, image.height);
      const w = image.width * scale, h = image.height * scale;
      context.fillStyle = points.group[i] === NOISE ? this.colors.noise : this.colors.tone(points.group[i]);
      context.beginPath();
      context.roundRect(px - w / 2 - 2, py - h / 2 - 2, w + 4, h + 4, 5);
      context.fill();
      context.drawImage(image, px - w / 2, py - h / 2, w, h);
    }
  }

  // Places of the names for one zoom, relative to the moving map: they do not jump about while it is dragged.
  placeNames() {
    const { context, points } = this;
    const size = this.width < 600 ? 12 : 13;
    const height = size + 9;
    const most = Math.min(210, this.width * 0.44);
    const whole = this.view.k <= 1.01;
    context.font = `600 ${size}px ${this.colors.fonts}`;
    // Covering points is weighed only where there are few: in a dense map every place covers some.
    const dots = points.count <= 3000 ? Array.from(this.order).filter((i) => !this.active || this.active[i]).map((i) => [this.screenX(i) - this.view.x, this.screenY(i) - this.view.y]) : [];
    const places = [];
    const ranks = points.names.map((_, g) => g);
    if (this.chosen >= 0) ranks.sort((a, b) => (b === this.chosen) - (a === this.chosen));
    for (const g of ranks) {
      const anchor = this.anchorAmongActive(g);
      if (anchor < 0) continue;
      const px = this.screenX(anchor) - this.view.x, py = this.screenY(anchor) - this.view.y;
      const text = this.shortened(points.names[g], most);
      const width = context.measureText(text).width + 27;
      let best = null;
      for (const [rank, [across, down]] of NAME_PLACES.entries()) {
        let left = px - width / 2 + across * width, up = py - height / 2 + down * (height + 1);
        if (whole) {
          left = Math.min(Math.max(left, 4), this.width - width - 4);
          up = Math.max(up, 4);
          if (up + height > this.height - (left < this.hooks.toolsWidth ? 58 : 4)) continue;
        }
        if (places.some((box) => left < box.right + 4 && box.left < left + width + 4 && up < box.bottom + 2 && box.up < up + height + 2)) continue;
        let cost = rank * 0.35 - (this.habits.get(g) === rank ? 0.8 : 0);
        for (const dot of dots) if (dot[0] > left - 3 && dot[0] < left + width + 3 && dot[1] > up - 3 && dot[1] < up + height + 3) cost++;
        if (!best || cost < best.cost) best = { cost, rank, g, text, left, up, right: left + width, bottom: up + height };
      }
      if (!best) continue;
      this.habits.set(g, best.rank);
      places.push(best);
    }
    this.layout = { key: this.layoutKey(), places, size };
  }

  // While a filter is on, the name moves to the nearest point that is still in colour.
  anchorAmongActive(g) {
    const anchor = this.anchors[g];
    if (!this.active || anchor < 0 || this.active[anchor]) return anchor;
    const { x, y } = this.points;
    let best = -1, least = Infinity;
    for (const i of this.members[g]) {
      const distance = this.active[i] ? (x[i] - x[anchor]) ** 2 + (y[i] - y[anchor]) ** 2 : Infinity;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  layoutKey() { return [this.view.k, this.width, this.height, this.chosen, this.filterCount].join("/"); }

  paintNames() {
    const { context } = this;
    if (this.layout.key !== this.layoutKey()) this.placeNames();
    const { places, size } = this.layout;
    context.font = `600 ${size}px ${this.colors.fonts}`;
    context.textBaseline = "middle";
    this.names = [];
    for (const { g, text, left, up, right, bottom } of places) {
      const x = left + this.view.x, y = up + this.view.y, width = right - left, height = bottom - up;
      if (x > this.width || y > this.height || x + width < 0 || y + height < 0) continue;
      this.names.push([x, y, x + width, y + height, g]);
      context.fillStyle = this.colors.halo;
      context.beginPath();
      context.roundRect(x, y, width, height, height / 2);
      context.fill();
      context.fillStyle = this.colors.tone(g);
      context.beginPath();
      context.arc(x + 11, y + height / 2, 4, 0, 7);
      context.fill();
      context.fillStyle = this.colors.ink;
      context.fillText(text, x + 19, y + height / 2 + 0.5);
    }
  }

  shortened(text, most) {
    if (this.context.measureText(text).width <= most) return text;
    const characters = Array.from(text);
    let low = 0, high = characters.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.context.measureText(characters.slice(0, middle).join("") + "…").width <= most) low = middle; else high = middle - 1;
    }
    return characters.slice(0, low).join("").trimEnd() + "…";
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
    let best = -1, least = reach * reach;
    const { x, y, count } = this.points;
    const kx = this.base.kx * this.view.k, ky = this.base.ky * this.view.k;
    const bx = this.base.x * this.view.k + this.view.x - px, by = this.base.y * this.view.k + this.view.y - py;
    for (let i = 0; i < count; i++) {
      if (this.active && !this.active[i]) continue;
      const dx = x[i] * kx + bx, dy = by - y[i] * ky;
      const distance = dx * dx + dy * dy;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  nameAt(px, py) {
    const box = this.names.find((one) => px >= one[0] && px <= one[2] && py >= one[1] && py <= one[3]);
    return box ? box[4] : -1;
  }

  zoomAt(px, py, factor) {
    const k = Math.min(Math.max(this.view.k * factor, 1), DEEPEST_ZOOM);
    const grow = k / this.view.k;
    this.setView({ k, x: px - (px - this.view.x) * grow, y: py - (py - this.view.y) * grow });
  }

  setView(view) {
    const { k } = view;
    // Some of the map always stays in sight.
    const slack = { x: this.width * 0.3, y: this.height * 0.3 };
    view.x = Math.min(Math.max(view.x, this.width - this.width * k - (k > 1 ? slack.x : 0)), k > 1 ? slack.x : 0);
    view.y = Math.min(Math.max(view.y, this.height - this.height * k - (k > 1 ? slack.y : 0)), k > 1 ? slack.y : 0);
    this.view = view;
    this.hooks.moved?.();
    this.draw();
  }

  travel(target) {
    cancelAnimationFrame(this.trip);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) { this.setView(target); return; }
    const from = { ...this.view }, start = performance.now();
    const step = (now) => {
      const t = Math.min(Math.max((now - start) / 360, 0), 1), eased = 1 - (1 - t) ** 3;
      const k = from.k * (target.k / from.k) ** eased;
      // Interpolated by the zoom itself, so that the way is straight on the screen.
      const share = target.k === from.k ? eased : (k - from.k) / (target.k - from.k);
      this.setView({ k, x: from.x + (target.x - from.x) * share, y: from.y + (target.y - from.y) * share });
      if (t < 1) this.trip = requestAnimationFrame(step);
    };
    this.trip = requestAnimationFrame(step);
  }

  reset() { this.travel({ k: 1, x: 0, y: 0 }); }

  zoomStep(factor) {
    const k = Math.min(Math.max(this.view.k * factor, 1), DEEPEST_ZOOM), grow = k / this.view.k;
    const cx = this.width / 2, cy = this.height / 2;
    this.travel({ k, x: cx - (cx - this.view.x) * grow, y: cy - (cy - this.view.y) * grow });
  }

  // Show some points large, without the outermost ones that would make the view too wide.
  showPoints(rows) {
    if (!rows.length) return;
    const bounds = (axis) => {
      const sorted = Float64Array.from(rows, (i) => axis[i]).sort();
      const cut = rows.length > 20 ? Math.floor(rows.length * 0.02) : 0;
      return [sorted[cut], sorted[rows.length - 1 - cut]];
    };
    const [left, right] = bounds(this.points.x), [low, high] = bounds(this.points.y);
    const b = this.base;
    const x0 = left * b.kx + b.x, x1 = right * b.kx + b.x, y0 = b.y - high * b.ky, y1 = b.y - low * b.ky;
    const k = Math.min(Math.max(Math.min((this.width * 0.62) / (x1 - x0 || 1), (this.height * 0.62) / (y1 - y0 || 1), rows.length === 1 ? Math.max(this.view.k, 4) : 14), 1), DEEPEST_ZOOM);
    this.travel({ k, x: this.width / 2 - ((x0 + x1) / 2) * k, y: this.height / 2 - ((y0 + y1) / 2) * k });
  }

  listen() {
    const { canvas } = this;
    const held = new Map();
    let moved = false, gap = 0;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const spread = () => {
      const [a, b] = [...held.values()];
      return { gap: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
    };
    canvas.addEventListener("pointerdown", (event) => {
      cancelAnimationFrame(this.trip);
      held.set(event.pointerId, at(event));
      canvas.setPointerCapture(event.pointerId);
      if (held.size === 1) moved = false; else { moved = true; gap = spread().gap; }
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event), before = held.get(event.pointerId);
      if (!before) {
        const name = this.nameAt(...now), point = name < 0 ? this.nearest(...now, 12) : -1;
        canvas.classList.toggle("over", point >= 0 || name >= 0);
        this.hooks.hover(point);
        return;
      }
      if (held.size === 2) {
        const old = spread();
        held.set(event.pointerId, now);
        const fresh = spread();
        this.view.x += fresh.middle[0] - old.middle[0];
        this.view.y += fresh.middle[1] - old.middle[1];
        this.zoomAt(...fresh.middle, gap ? fresh.gap / gap : 1);
        gap = fresh.gap;
      } else if (moved || Math.hypot(now[0] - before[0], now[1] - before[1]) > 4) {
        if (!moved) { moved = true; canvas.classList.add("moving"); this.hooks.hover(-1); }
        held.set(event.pointerId, now);
        this.setView({ k: this.view.k, x: this.view.x + now[0] - before[0], y: this.view.y + now[1] - before[1] });
      }
    });
    const release = (event) => {
      const was = held.delete(event.pointerId);
      canvas.classList.remove("moving");
      if (!was || moved || event.type !== "pointerup") return;
      const now = at(event), name = this.nameAt(...now);
      if (name >= 0) this.hooks.pickGroup(name);
      else this.hooks.pick(this.nearest(...now, event.pointerType === "touch" ? 26 : 12));
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => { if (!held.size) this.hooks.hover(-1); });
    canvas.addEventListener("dblclick", (event) => this.zoomAt(...at(event), 2));
    // Scrolling down on the whole map scrolls the page: a reader on the way to the clusters is not held up.
    canvas.addEventListener("wheel", (event) => {
      if (event.deltaY > 0 && this.view.k <= 1.001) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.zoomAt(...at(event), Math.exp(-Math.max(Math.min(event.deltaY * lines, 240), -240) * (event.ctrlKey ? 0.01 : 0.0022)));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = 60;
      const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      if (moves[event.key]) {
        this.setView({ k: this.view.k, x: this.view.x + moves[event.key][0], y: this.view.y + moves[event.key][1] });
      } else if (event.key === "+" || event.key === "=") this.zoomStep(1.6);
      else if (event.key === "-") this.zoomStep(1 / 1.6);
      else if (event.key === "0") this.reset();
      else return;
      event.preventDefault();
    });
  }
}
