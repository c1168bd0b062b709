/* A loop drawn around points by hand. */

class Lasso {
  constructor() { this.path = []; }

  start(px, py) { this.path = [[px, py]]; }

  extend(px, py) {
    const [x, y] = this.path[this.path.length - 1];
    if (Math.hypot(px - x, py - y) > 3) this.path.push([px, py]);
  }

  // The points inside the loop, in the order of the table; `grid` finds the candidates.
  inside(map) {
    const { path } = this, { camera, grid, active, points } = map;
    this.path = [];
    if (path.length < 3) return [];
    const { ax, bx, ay, by } = camera.terms(), { x, y } = points;
    const xs = path.map((one) => (one[0] - bx) / ax), ys = path.map((one) => (one[1] - by) / ay);
    const found = [];
    grid.inBox(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (active && !active[i]) return;
      let within = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
        if (ys[a] > y[i] !== ys[b] > y[i] && x[i] < ((xs[b] - xs[a]) * (y[i] - ys[a])) / (ys[b] - ys[a]) + xs[a]) within = !within;
      }
      if (within) found.push(i);
    });
    return found.sort((a, b) => a - b);
  }

  paint(context, colors) {
    if (this.path.length < 2) return;
    context.beginPath();
    for (const [px, py] of this.path) context.lineTo(px, py);
    context.closePath();
    context.globalAlpha = 0.1;
    context.fillStyle = colors.accent;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.8;
    context.setLineDash([5, 4]);
    context.strokeStyle = colors.accent;
    context.stroke();
    context.setLineDash([]);
  }
}
