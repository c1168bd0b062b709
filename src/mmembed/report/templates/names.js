/* Names of the clusters on the map: near their points, never on each other and, on the whole map, never cut off. */

// Where a name may stand, in its own widths and heights from its anchor; the best places first.
const NAME_PLACES = [[0, 0], [0, -1], [0, 1], [0.58, 0], [-0.58, 0], [0.5, -1], [-0.5, -1], [0.5, 1], [-0.5, 1], [0, -2], [0, 2], [0.5, -2], [-0.5, -2], [0.5, 2], [-0.5, 2]];
// Past this number of names a map is not read any more; the legend has the others, and zooming in brings them.
const MOST_NAMES = 40;

class Names {
  constructor(points, camera, colors, toolsWidth) {
    this.points = points;
    this.camera = camera;
    this.colors = colors;
    this.toolsWidth = toolsWidth;
    this.habits = new Map();
    this.layout = { key: "", places: [], size: 13 };
    this.boxes = [];
    this.anchors = this.findAnchors();
  }

  // The point nearest to the median of each group: a name there never stands in an empty place.
  findAnchors() {
    const { count, group, x, y, names } = this.points;
    this.members = names.map(() => []);
    for (let i = 0; i < count; i++) if (group[i] !== NOISE) this.members[group[i]].push(i);
    return this.members.map((rows) => {
      if (!rows.length) return -1;
      const middle = (axis) => Float64Array.from(rows, (i) => axis[i]).sort()[rows.length >> 1];
      return this.nearestMember(rows, middle(x), middle(y), () => true);
    });
  }

  nearestMember(rows, mx, my, counts) {
    const { x, y } = this.points;
    let best = -1, least = Infinity;
    for (const i of rows) {
      const distance = counts(i) ? (x[i] - mx) ** 2 + (y[i] - my) ** 2 : Infinity;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  // While a filter is on, the name moves to the nearest point that is still in colour.
  anchorAmong(g, active) {
    const anchor = this.anchors[g];
    if (!active || anchor < 0 || active[anchor]) return anchor;
    return this.nearestMember(this.members[g], this.points.x[anchor], this.points.y[anchor], (i) => active[i]);
  }

  // Places for one zoom, relative to the moving map: names do not jump about while it is dragged.
  place(context, key, active, chosen) {
    const { points, camera } = this, { view, width, height } = camera;
    const size = width < 600 ? 12 : 13, high = size + 9;
    const most = Math.min(210, width * 0.44), whole = view.k <= 1.01;
    context.font = `600 ${size}px ${this.colors.fonts}`;
    // Covering points is weighed only where there are few: in a dense map every place covers some.
    const dots = [];
    for (let i = 0; points.count <= 3000 && i < points.count; i++) {
      if (!active || active[i]) dots.push([camera.x(i) - view.x, camera.y(i) - view.y]);
    }
    const places = [], ranks = points.names.map((_, g) => g);
    if (chosen >= 0) ranks.sort((a, b) => (b === chosen) - (a === chosen));
    for (const g of ranks) {
      if (places.length >= MOST_NAMES && whole) break;
      const anchor = this.anchorAmong(g, active);
      if (anchor < 0) continue;
      const px = camera.x(anchor) - view.x, py = camera.y(anchor) - view.y;
      const text = this.shortened(context, points.names[g], most);
      const wide = context.measureText(text).width + 27;
      let best = null;
      for (const [rank, [across, down]] of NAME_PLACES.entries()) {
        let left = px - wide / 2 + across * wide, up = py - high / 2 + down * (high + 1);
        if (whole) {
          left = Math.min(Math.max(left, 4), width - wide - 4);
          up = Math.max(up, 4);
          if (up + high > height - (left < this.toolsWidth ? 58 : 4)) continue;
        }
        if (places.some((box) => left < box.right + 4 && box.left < left + wide + 4 && up < box.bottom + 2 && box.up < up + high + 2)) continue;
        let cost = rank * 0.35 - (this.habits.get(g) === rank ? 0.8 : 0);
        for (const dot of dots) if (dot[0] > left - 3 && dot[0] < left + wide + 3 && dot[1] > up - 3 && dot[1] < up + high + 3) cost++;
        if (!best || cost < best.cost) best = { cost, rank, g, text, left, up, right: left + wide, bottom: up + high };
      }
      if (!best) continue;
      this.habits.set(g, best.rank);
      places.push(best);
    }
    this.layout = { key, places, size };
  }

  paint(context, key, active, chosen) {
    if (this.layout.key !== key) this.place(context, key, active, chosen);
    const { places, size } = this.layout, { view, width, height } = this.camera;
    context.font = `600 ${size}px ${this.colors.fonts}`;
    context.textBaseline = "middle";
    this.boxes = [];
    const shifted = places.map((one) => [one, one.left + view.x, one.up + view.y, one.right - one.left, one.bottom - one.up]);
    const cut = ([, x, y, wide, high]) => x < 4 || y < 4 || x + wide > width - 4 || y + high > height - 4;
    for (const one of shifted) if (!cut(one)) this.paintName(context, ...one);
    // A name at the edge slides along it while its place is partly in sight, if there is room; it is never cut.
    for (const [one, x, y, wide, high] of shifted.filter(cut)) {
      if (x > width || y > height || x + wide < 0 || y + high < 0) continue;
      const left = Math.min(Math.max(x, 4), width - wide - 4), up = Math.min(Math.max(y, 4), height - high - 4);
      const tools = left < this.toolsWidth && up + high > height - 58;
      if (!tools && !this.boxes.some((box) => left < box[2] && box[0] < left + wide && up < box[3] && box[1] < up + high)) {
        this.paintName(context, one, left, up, wide, high);
      }
    }
  }

  paintName(context, { g, text }, x, y, wide, high) {
    this.boxes.push([x, y, x + wide, y + high, g]);
    context.fillStyle = this.colors.halo;
    context.beginPath();
    context.roundRect(x, y, wide, high, high / 2);
    context.fill();
    context.fillStyle = this.colors.tone(g);
    context.beginPath();
    context.arc(x + 11, y + high / 2, 4, 0, 7);
    context.fill();
    context.fillStyle = this.colors.ink;
    context.fillText(text, x + 19, y + high / 2 + 0.5);
  }

  at(px, py) {
    const box = this.boxes.find((one) => px >= one[0] && px <= one[2] && py >= one[1] && py <= one[3]);
    return box ? box[4] : -1;
  }

  shortened(context, text, most) {
    const fits = (one) => context.measureText(one).width <= most;
    if (fits(text)) return text;
    const characters = Array.from(text);
    let low = 0, high = characters.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (fits(`${characters.slice(0, middle).join("")}…`)) low = middle; else high = middle - 1;
    }
    return `${characters.slice(0, low).join("").trimEnd()}…`;
  }
}
