/* Thumbnails on the map and in lists. Near each other, the typical ones are drawn; enlarged far enough, all of them. */

// Up to this number in sight, pictures that would hide each other move aside and a line leads to their points.
const MOST_SPREAD = 90;

class Pictures {
  // `sources` are data URIs by point; `request` is asked for those of `wanted` that are not there, in a notebook.
  constructor(points, sources, videos, { first = [], wanted = null, request = null } = {}) {
    this.points = points;
    this.sources = sources;
    this.videos = videos;
    this.wanted = wanted;
    this.request = request;
    this.asked = new Set();
    this.loaded = new Map();
    this.layout = [];
    const rest = [];
    for (let i = 0; i < points.count; i++) if (this.has(i)) rest.push(i);
    this.order = [...new Set([...first.filter((i) => this.has(i)), ...rest])];
    this.any = this.order.length > 0;
  }

  has(i) { return this.sources.has(i) || Boolean(this.wanted?.[i]); }
  source(i) { return this.sources.get(i) || null; }

  // Ask for pictures of a notebook's table that are wanted now.
  want(rows) {
    const fresh = rows.filter((i) => this.has(i) && !this.sources.has(i) && !this.asked.has(i)).slice(0, 60);
    for (const i of fresh) this.asked.add(i);
    if (fresh.length && this.request) this.request(fresh);
  }

  // An image that is ready to be drawn, or null; `ready` is called once it is.
  image(i, ready) {
    let image = this.loaded.get(i);
    if (!image && this.source(i)) {
      image = new Image();
      image.onload = ready;
      image.src = this.source(i);
      this.loaded.set(i, image);
    }
    return image?.complete && image.naturalWidth ? image : null;
  }

  edge(camera) {
    const n = this.order.length, base = n <= 60 ? 54 : n <= 200 ? 42 : n <= 600 ? 38 : 34;
    return Math.min(base * (camera.width < 600 ? 0.72 : 1) * camera.view.k ** 0.42, 128);
  }

  // Few pictures in sight are made as small as it takes to show all of them.
  fittingEdge(camera, active) {
    const { width, height } = camera, edge = this.edge(camera);
    let seen = 0;
    for (const i of this.order) {
      if (active && !active[i]) continue;
      const px = camera.x(i), py = camera.y(i);
      if (px > 0 && py > 0 && px < width && py < height && ++seen > MOST_SPREAD) return edge;
    }
    return seen ? Math.min(edge, Math.max(Math.sqrt((width * height * 0.55) / seen) / 1.3, 30)) : edge;
  }

  // Which pictures are drawn and how far beside their points, for one view.
  arrange(camera, active, obstacles = []) {
    const { width, height } = camera, edge = this.size = this.fittingEdge(camera, active), half = edge / 2, placed = [], crowded = [];
    const cells = new Map(), cell = (v) => Math.floor(v / edge);
    const isFree = (px, py) => {
      for (let c = cell(px) - 1; c <= cell(px) + 1; c++) for (let r = cell(py) - 1; r <= cell(py) + 1; r++) {
        for (const one of cells.get(`${c},${r}`) || []) if (Math.abs(one[0] - px) < edge + 3 && Math.abs(one[1] - py) < edge + 3) return false;
      }
      return true;
    };
    const put = (i, px, py, dx, dy) => {
      const key = `${cell(px)},${cell(py)}`;
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push([px, py]);
      placed.push({ i, dx, dy });
    };
    for (const i of this.order) {
      if (active && !active[i]) continue;
      const px = camera.x(i), py = camera.y(i);
      if (px < -half || py < -half || px > width + half || py > height + half) continue;
      // On the whole map a picture at the edge stands inside it.
      const inside = (value, size) => (camera.view.k === 1 ? Math.min(Math.max(value, half + 3), size - half - 3) : value);
      const x = inside(px, width), y = inside(py, height);
      if (isFree(x, y)) put(i, x, y, x - px, y - py);
      else if (px > 0 && py > 0 && px < width && py < height) crowded.push(i);
    }
    // Few pictures move aside as far as it takes; many only a little, and the rest stay dots.
    const room = (width * height) / (edge * 1.3) ** 2;
    const rings = placed.length + crowded.length <= Math.min(MOST_SPREAD, room * 0.6) ? 24 : 3;
    for (const i of crowded) this.putAside(i, camera, edge, rings, isFree, put, obstacles);
    this.layout = placed;
    this.want(placed.map((one) => one.i));
    return placed.map(({ i, dx, dy }) => {
      const px = camera.x(i) + dx, py = camera.y(i) + dy;
      return { left: px - half - 3, up: py - half - 3, right: px + half + 3, bottom: py + half + 3 };
    });
  }

  // The nearest free place around a crowded point, on rings of a third of a picture.
  putAside(i, camera, edge, rings, isFree, put, obstacles) {
    const { width, height } = camera, half = edge / 2, px = camera.x(i), py = camera.y(i);
    for (let ring = 1; ring <= rings; ring++) {
      for (let n = 0; n < 6 * ring; n++) {
        const angle = (n / (6 * ring)) * 2 * Math.PI, dx = (Math.cos(angle) * ring * edge) / 3, dy = (Math.sin(angle) * ring * edge) / 3;
        const x = px + dx, y = py + dy, box = { left: x - half, up: y - half, right: x + half, bottom: y + half };
        if (box.left < 4 || box.up < 4 || box.right > width - 4 || box.bottom > height - 4 || !isFree(x, y)) continue;
        if (obstacles.some((one) => overlap(box, one, 3))) continue;
        put(i, x, y, dx, dy);
        return;
      }
    }
  }

  paint(context, camera, toneOf, redraw) {
    const edge = this.size, half = edge / 2;
    this.boxes = [];
    for (const { i, dx, dy } of this.layout) {
      if (!dx && !dy) continue;
      context.beginPath();
      context.moveTo(camera.x(i), camera.y(i));
      context.lineTo(camera.x(i) + dx, camera.y(i) + dy);
      context.lineWidth = 1.5;
      context.strokeStyle = toneOf(i);
      context.stroke();
    }
    for (const { i, dx, dy } of this.layout) {
      const px = camera.x(i) + dx, py = camera.y(i) + dy;
      if (px < -half || py < -half || px > camera.width + half || py > camera.height + half) continue;
      const image = this.image(i, redraw);
      if (!image) continue;
      const scale = edge / Math.max(image.width, image.height);
      const w = image.width * scale, h = image.height * scale, rim = edge < 50 ? 1.5 : 2;
      context.fillStyle = toneOf(i);
      context.beginPath();
      context.roundRect(px - w / 2 - rim, py - h / 2 - rim, w + 2 * rim, h + 2 * rim, 4.5);
      context.fill();
      // Transparent pictures lie on white, in the dark too.
      context.fillStyle = "#fff";
      context.fillRect(px - w / 2, py - h / 2, w, h);
      context.drawImage(image, px - w / 2, py - h / 2, w, h);
      this.boxes.push([px - w / 2, py - h / 2, px + w / 2, py + h / 2, i]);
    }
  }

  at(px, py) {
    const box = this.boxes?.findLast((one) => px >= one[0] && px <= one[2] && py >= one[1] && py <= one[3]);
    return box ? box[4] : -1;
  }
}
