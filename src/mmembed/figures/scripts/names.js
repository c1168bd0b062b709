/* Names of the topics: beside their points where there is room, else around the cloud at the end of a line. Never over
   points, never on each other, never cut short. */

// Occupied places are kept in squares of this many pixels.
const CELL = 4;
const STEP = 6;
// A line from a name to its points is drawn from this length on.
const SHORT = 12;
// How far the cloud may be drawn together so that every name finds room, the widest first.
const FITS = [[MOST_STRETCH, 1], [1.15, 1], [1, 1], [1, 0.92], [1, 0.84], [1, 0.76], [1, 0.68], [1, 0.6]];
// A name that finds no place on any of these is a number on the map, and the legend says which.
const CROSSING = 90, ACROSS_NAME = 400, ACROSS_POINTS = 0.55;

// Which squares of the map are taken, and how many of them in any box.
class Occupancy {
  constructor(width, height) {
    this.columns = Math.ceil(width / CELL);
    this.rows = Math.ceil(height / CELL);
    this.taken = new Uint8Array(this.columns * this.rows);
  }

  take(left, up, right, bottom) {
    const c0 = Math.max(Math.floor(left / CELL), 0), c1 = Math.min(Math.floor(right / CELL), this.columns - 1);
    const r0 = Math.max(Math.floor(up / CELL), 0), r1 = Math.min(Math.floor(bottom / CELL), this.rows - 1);
    for (let r = r0; r <= r1; r++) this.taken.fill(1, r * this.columns + c0, r * this.columns + Math.max(c1 + 1, c0));
  }

  sum() {
    const wide = this.columns + 1, sums = new Uint32Array(wide * (this.rows + 1));
    for (let r = 0; r < this.rows; r++) {
      let line = 0;
      for (let c = 0; c < this.columns; c++) {
        line += this.taken[r * this.columns + c];
        sums[(r + 1) * wide + c + 1] = sums[r * wide + c + 1] + line;
      }
    }
    this.sums = sums;
  }

  within(left, up, right, bottom) {
    const wide = this.columns + 1;
    const c0 = Math.max(Math.floor(left / CELL), 0), c1 = Math.min(Math.ceil(right / CELL), this.columns);
    const r0 = Math.max(Math.floor(up / CELL), 0), r1 = Math.min(Math.ceil(bottom / CELL), this.rows);
    if (c1 <= c0 || r1 <= r0) return 0;
    return this.sums[r1 * wide + c1] - this.sums[r0 * wide + c1] - this.sums[r1 * wide + c0] + this.sums[r0 * wide + c0];
  }
}

const overlap = (a, b, gap) => a.left < b.right + gap && b.left < a.right + gap && a.up < b.bottom + gap && b.up < a.bottom + gap;

const side = (ax, ay, bx, by, px, py) => Math.sign((bx - ax) * (py - ay) - (by - ay) * (px - ax));
const cross = (a, b) => side(a[0], a[1], a[2], a[3], b[0], b[1]) * side(a[0], a[1], a[2], a[3], b[2], b[3]) < 0
  && side(b[0], b[1], b[2], b[3], a[0], a[1]) * side(b[0], b[1], b[2], b[3], a[2], a[3]) < 0;

const lengthOf = ([x0, y0, x1, y1]) => Math.hypot(x1 - x0, y1 - y0);

// Whether the lines of two names are drawn and cross.
const crosses = (a, b) => a.length >= SHORT && b.length >= SHORT && cross(a.line, b.line);

// Whether the line of one name goes through another.
const struck = (a, b) => (a.length >= SHORT && strikes(a.line, b)) || (b.length >= SHORT && strikes(b.line, a));

// Whether a line touches a box.
function strikes([x0, y0, x1, y1], box) {
  let low = 0, high = 1;
  for (const [from, step, least, most] of [[x0, x1 - x0, box.left, box.right], [y0, y1 - y0, box.up, box.bottom]]) {
    if (Math.abs(step) < 1e-9) { if (from < least || from > most) return false; continue; }
    const a = (least - from) / step, b = (most - from) / step;
    low = Math.max(low, Math.min(a, b));
    high = Math.min(high, Math.max(a, b));
  }
  return low <= high;
}

// The line from the nearest place on the edge of a box to a point.
const lineTo = (box, px, py) => [Math.min(Math.max(px, box.left), box.right), Math.min(Math.max(py, box.up), box.bottom), px, py];

class Names {
  constructor(points, camera, colors, toolBox) {
    this.points = points;
    this.camera = camera;
    this.colors = colors;
    this.toolBox = toolBox;
    this.layout = { places: [], missing: [], view: null };
    this.boxes = [];
    this.anchors = this.findAnchors();
    // Steps from a place outwards, the nearest first; names are wide, so a step down counts for more.
    this.spiral = [];
    for (const [reach, step, inner] of [[150, STEP, 0], [900, 2.5 * STEP, 150]]) {
      for (let x = -reach; x <= reach; x += step) for (let y = -0.7 * reach; y <= 0.7 * reach; y += step) {
        if (Math.abs(x) >= inner || Math.abs(y) >= 0.7 * inner) this.spiral.push([x, y, Math.hypot(x * 0.62, y)]);
      }
    }
    this.spiral.sort((a, b) => a[2] - b[2]);
  }

  // The point nearest to the median of each group: a line to it never ends in an empty place.
  findAnchors() {
    const { count, group, names } = this.points;
    this.members = names.map(() => []);
    for (let i = 0; i < count; i++) if (group[i] !== NOISE) this.members[group[i]].push(i);
    return this.members.map((rows) => this.middle(rows));
  }

  middle(rows) {
    if (!rows.length) return -1;
    const { x, y } = this.points;
    const median = (axis) => Float64Array.from(rows, (i) => axis[i]).sort()[rows.length >> 1];
    const mx = median(x), my = median(y);
    let best = -1, least = Infinity;
    for (const i of rows) {
      const distance = (x[i] - mx) ** 2 + (y[i] - my) ** 2;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  // The whole map: the widest fit of the cloud on which every name has a place, or the narrowest.
  arrange(context, width, height, radius, boxes) {
    const { camera } = this;
    let best = null;
    for (const [stretch, share] of FITS) {
      camera.fit(width, height, { stretch, share, bottom: this.bottomFor(stretch, share, width, height) });
      const groups = this.anchors.flatMap((anchor, g) => (anchor < 0 ? [] : [[g, anchor]]));
      const layout = this.place(context, groups, radius, boxes(), false);
      if (!best || layout.missing.length < best.missing.length) best = { ...layout, stretch, share };
      if (!layout.missing.length) break;
    }
    if (best) {
      camera.fit(width, height, { ...best, bottom: this.bottomFor(best.stretch, best.share, width, height) });
      this.improve(context, best);
    }
    this.layout = best || { places: [], missing: [] };
    this.layout.view = { k: 1, x: 0, y: 0 };
  }

  // Room for the tools below the cloud, if a point would lie under them.
  bottomFor(stretch, share, width, height) {
    const { camera, points } = this, box = this.toolBox();
    camera.fit(width, height, { stretch, share });
    for (let i = 0; i < points.count; i++) if (camera.x(i) < box.right + 8 && camera.y(i) > box.up - 8) return height - box.up;
    return 0;
  }

  // Places for what is in sight of an enlarged map.
  arrangeView(context, radius, boxes, active) {
    const { camera, points } = this, { width, height } = camera, seen = points.names.map(() => []);
    for (let i = 0; i < points.count; i++) {
      if (points.group[i] === NOISE || (active && !active[i])) continue;
      const px = camera.x(i), py = camera.y(i);
      if (px > 0 && py > 0 && px < width && py < height) seen[points.group[i]].push(i);
    }
    const most = Math.max(...seen.map((rows) => rows.length));
    const groups = seen.flatMap((rows, g) => (rows.length > most * 0.04 ? [[g, this.middle(rows)]] : []));
    this.layout = this.place(context, groups, radius, boxes, true);
    this.improve(context, this.layout);
    this.layout.view = { ...camera.view };
  }

  // `groups` are pairs of a topic and its anchor; a name without an empty place goes over the fewest points if it `must`
  // have one, else it is missing.
  place(context, groups, radius, boxes, must) {
    const { camera, points } = this, { width, height } = camera;
    const free = new Occupancy(width, height), reach = radius + 1.5;
    for (let i = 0; i < points.count; i++) {
      const px = camera.x(i), py = camera.y(i);
      if (px > -reach && py > -reach && px < width + reach && py < height + reach) free.take(px - reach, py - reach, px + reach, py + reach);
    }
    for (const box of boxes) free.take(box.left, box.up, box.right, box.bottom);
    free.sum();
    const tools = this.toolBox(), placed = [], missing = [];
    for (const [g, anchor] of groups) {
      const name = { g, anchor, px: camera.x(anchor), py: camera.y(anchor) };
      if (!this.settle(context, name, placed, free, tools, false) && !(must && this.settle(context, name, placed, free, tools, true))) {
        missing.push(g);
        continue;
      }
      placed.push(name);
    }
    // Names that came early did not know of those that came late.
    for (let round = 0; round < 3 && groups.length < 80; round++) {
      for (const name of placed) {
        const others = placed.filter((one) => one !== name);
        if (others.some((one) => this.trouble(name.line, name, one) > 0)) this.settle(context, name, others, free, tools, false);
      }
    }
    missing.push(...this.uncross(context, placed, free, tools, must));
    // Where names have moved there may be room for another one now.
    const left = missing.filter((g) => {
      const anchor = groups.find((one) => one[0] === g)[1], name = { g, anchor, px: camera.x(anchor), py: camera.y(anchor) };
      if (!this.settle(context, name, placed, free, tools, false, true)) return true;
      placed.push(name);
      return false;
    });
    return { places: placed, missing: left, free };
  }

  // No two lines cross in the end. Two names whose lines do change places where that makes the lines shorter; else one of
  // them moves to where its line crosses none; a name without such a place is taken out and returned.
  uncross(context, placed, free, tools, must) {
    const without = [];
    for (let swaps = 2 * placed.length ** 2; ;) {
      const pair = this.crossingPair(placed);
      if (!pair) break;
      if (swaps-- > 0 && this.swap(context, ...pair, placed, free, tools)) continue;
      // The longer line has the more to gain.
      pair.sort((a, b) => b.length - a.length);
      const moves = (over) => pair.some((name) => this.settle(context, name, placed.filter((one) => one !== name), free, tools, over, true));
      if (moves(false) || (must && moves(true))) continue;
      const [last] = pair.sort((a, b) => this.members[a.g].length - this.members[b.g].length);
      placed.splice(placed.indexOf(last), 1);
      without.push(last.g);
    }
    return without;
  }

  // Shorter lines, fewer of them through other names, and still none that cross: two names change places where that
  // makes their lines shorter, and each one moves to the best place that is left.
  improve(context, { places, free }) {
    const tools = this.toolBox();
    for (let round = 0; round < 3; round++) {
      let moved = false;
      for (const [n, one] of places.entries()) {
        for (let m = 0; m < n; m++) moved = this.swap(context, one, places[m], places, free, tools, true) || moved;
      }
      for (const name of places) {
        const others = places.filter((one) => one !== name), { left, up } = name;
        if (name.length < SHORT && !others.some((one) => struck(name, one))) continue;
        this.settle(context, name, others, free, tools, false, true);
        moved ||= left !== name.left || up !== name.up;
      }
      if (!moved) return;
    }
  }

  crossingPair(placed) {
    for (const [n, one] of placed.entries()) {
      for (let m = 0; m < n; m++) if (crosses(one, placed[m])) return [one, placed[m]];
    }
    return null;
  }

  // Whether two names could change places so that their lines are shorter; they do if so. A `strict` swap makes no line
  // cross another.
  swap(context, a, b, placed, free, tools, strict = false) {
    const others = placed.filter((one) => one !== a && one !== b);
    const before = a.length + b.length, center = (one) => [(one.left + one.right) / 2, (one.up + one.bottom) / 2];
    const [ax, ay] = center(a), [bx, by] = center(b);
    for (const mine of this.shapes(context, a.g)) {
      const first = this.boxAt(a, mine, bx, by, others, free, tools);
      if (!first) continue;
      for (const theirs of this.shapes(context, b.g)) {
        const second = this.boxAt(b, theirs, ax, ay, [...others, first], free, tools);
        if (!second || first.length + second.length >= before - 1 || crosses(first, second)) continue;
        if (strict && others.some((one) => [first, second].some((mine) => crosses(mine, one) || struck(mine, one)))) continue;
        this.moveTo(a, first);
        this.moveTo(b, second);
        return true;
      }
    }
    return false;
  }

  // A name in one shape around a place of the map, with its line; null where it would lie on something.
  boxAt({ px, py }, shape, x, y, others, free, tools) {
    const left = x - shape.wide / 2, up = y - shape.high / 2, box = { left, up, right: left + shape.wide, bottom: up + shape.high };
    if (!this.isFree(box, others, tools) || free.within(left - 1, up - 1, box.right + 1, box.bottom + 1)) return null;
    const line = lineTo(box, px, py);
    return { ...box, ...shape, line, length: lengthOf(line) };
  }

  // Whether a box is inside the map, and on neither the tools nor another name.
  isFree(box, others, tools) {
    const { width, height } = this.camera;
    if (box.left < 5 || box.up < 5 || box.right > width - 5 || box.bottom > height - 5 || overlap(box, tools, 6)) return false;
    return !others.some((other) => overlap(box, other, 5));
  }

  moveTo(name, found) { Object.assign(name, found, { dx: found.left - name.px, dy: found.up - name.py }); }

  trouble(line, box, other) {
    return (crosses({ line, length: lengthOf(line) }, other) ? CROSSING : 0) + (strikes(line, other) ? ACROSS_NAME : 0)
      + (strikes(other.line, box) ? ACROSS_NAME : 0);
  }

  // The best place of a name among those of the others; false if there is none. A `strict` one has a line that crosses
  // none.
  settle(context, name, placed, free, tools, must, strict = false) {
    const { width } = this.camera, { px, py } = name;
    // On a small screen long lines would hide the map: a name without a place nearby becomes a number.
    const longest = width < 600 ? 70 : Infinity;
    let best = null;
    for (const shape of this.shapes(context, name.g)) {
      let seen = 0;
      const { wide, high } = shape;
      for (const [dx, dy, distance] of this.spiral) {
        if (best && distance - (wide + high) / 2 > best.cost) break;
        const left = px + dx - wide / 2, up = py + dy - high / 2, box = { left, up, right: left + wide, bottom: up + high };
        if (!this.isFree(box, placed, tools)) continue;
        const covered = free.within(left - 1, up - 1, box.right + 1, box.bottom + 1);
        if (covered && !must) continue;
        const line = lineTo(box, px, py), length = lengthOf(line);
        if (length > longest || (strict && placed.some((other) => crosses({ line, length }, other)))) continue;
        let cost = length + covered * 30 + shape.cost;
        if (best && cost >= best.cost) continue;
        // A line over many points is hard to follow, and one through a name even more.
        if (length > SHORT) cost += this.pointsUnder(line, free) * ACROSS_POINTS;
        for (const other of placed) {
          if (best && cost >= best.cost) break;
          cost += this.trouble(line, box, other);
        }
        if (!best || cost < best.cost) best = { cost, ...box, ...shape, line, length };
        if (++seen > (must ? 60 : 900)) break;
      }
    }
    if (best) this.moveTo(name, best);
    return best !== null;
  }

  pointsUnder([x0, y0, x1, y1], free) {
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 8);
    let found = 0;
    for (let n = 0; n < steps; n++) {
      const c = Math.floor((x0 + ((x1 - x0) * n) / steps) / CELL), r = Math.floor((y0 + ((y1 - y0) * n) / steps) / CELL);
      if (free.taken[r * free.columns + c]) found += 8;
    }
    return found;
  }

  get size() { return this.camera.width < 600 ? 11.5 : 13; }

  font() { return `600 ${this.size}px ${this.colors.fonts}`; }

  // A name on one line, and broken into lines of several widths.
  shapes(context, g) {
    const key = `${g}/${this.size}/${this.camera.width < 600}`;
    this.shapesKept ||= new Map();
    if (this.shapesKept.has(key)) return this.shapesKept.get(key);
    context.font = this.font();
    const widths = this.camera.width < 600 ? [150, 96, 70] : [230, 150, 108];
    const high = Math.round(this.size * 1.24), found = new Map();
    for (const [rank, most] of widths.entries()) {
      const lines = brokenName(this.points.names[g], most, (text) => context.measureText(text).width);
      const wide = Math.ceil(Math.max(...lines.map((line) => context.measureText(line).width)));
      if (!found.has(lines.length)) found.set(lines.length, { lines, wide, high: lines.length * high, lineHigh: high, cost: rank * 5 });
    }
    const shapes = [...found.values()];
    this.shapesKept.set(key, shapes);
    return shapes;
  }

  forget() { this.shapesKept = null; }

  // Names ride on their points while the map moves; they are arranged anew when it rests.
  paintLines(context, active, chosen) {
    const { camera } = this, { view, width, height } = camera, { places } = this.layout;
    const resting = this.layout.view && view.k === this.layout.view.k && view.x === this.layout.view.x && view.y === this.layout.view.y;
    context.lineJoin = "round";
    this.boxes = [];
    const shown = [], tools = this.toolBox();
    for (const one of places) {
      const px = camera.x(one.anchor), py = camera.y(one.anchor);
      const left = px + one.dx, up = py + one.dy, box = { left, up, right: left + one.wide, bottom: up + one.high };
      if (!resting) {
        if (left < 3 || up < 3 || box.right > width - 3 || box.bottom > height - 3 || overlap(box, tools, 4)) continue;
        if (shown.some((other) => overlap(box, other, 3))) continue;
      }
      shown.push({ ...box, one, line: lineTo(box, px, py) });
    }
    for (const part of shown) part.faint = this.isFaint(part.one.g, active, chosen);
    this.shown = shown;
    for (const part of shown) this.paintLine(context, part);
    context.globalAlpha = 1;
  }

  isFaint(g, active, chosen) { return chosen >= 0 ? g !== chosen : Boolean(active) && !this.members[g].some((i) => active[i]); }

  paintNames(context, chosen) {
    context.font = this.font();
    context.textBaseline = "middle";
    for (const part of this.shown) this.paintName(context, part, chosen === part.one.g);
    context.globalAlpha = 1;
    if (this.layout.missing.length && this.layout.view.k === this.camera.view.k) this.paintNumbers(context);
  }

  paintLine(context, { one, faint, line: [x0, y0, x1, y1] }) {
    if (lengthOf([x0, y0, x1, y1]) < SHORT) return;
    const { colors } = this;
    context.globalAlpha = faint ? 0.25 : 1;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.lineWidth = 3.4;
    context.strokeStyle = colors.surface;
    context.globalAlpha *= 0.55;
    context.stroke();
    context.globalAlpha = faint ? 0.25 : 0.9;
    context.lineWidth = 1.1;
    context.strokeStyle = colors.nameInk(one.g);
    context.stroke();
  }

  paintName(context, { left, up, right, bottom, one, faint }, isChosen) {
    const { colors } = this;
    this.boxes.push([left, up, right, bottom, one.g]);
    context.globalAlpha = faint ? 0.35 : 1;
    const rightward = right < this.camera.x(one.anchor);
    for (const [n, line] of one.lines.entries()) {
      const y = up + one.lineHigh * (n + 0.5), x = rightward ? right - context.measureText(line).width : left;
      context.lineWidth = 3;
      context.strokeStyle = colors.surface;
      context.strokeText(line, x, y);
      context.fillStyle = colors.nameInk(one.g);
      context.fillText(line, x, y);
      if (isChosen) context.fillRect(x, y + one.lineHigh / 2 - 1, context.measureText(line).width, 1.5);
    }
  }

  // Where the window is too small for all names, the others are numbers, as in the legend.
  paintNumbers(context) {
    const { camera, colors } = this;
    context.font = `700 10.5px ${colors.fonts}`;
    for (const g of this.layout.missing) {
      const px = camera.x(this.anchors[g]), py = camera.y(this.anchors[g]), text = String(g + 1);
      const half = Math.max(context.measureText(text).width / 2 + 4, 8.5);
      if (px < half || py < 9 || px > camera.width - half || py > camera.height - 9) continue;
      this.boxes.push([px - half, py - 8.5, px + half, py + 8.5, g]);
      context.beginPath();
      context.roundRect(px - half, py - 8.5, 2 * half, 17, 8.5);
      context.fillStyle = colors.surface;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = colors.nameInk(g);
      context.stroke();
      context.fillStyle = colors.nameInk(g);
      context.fillText(text, px - context.measureText(text).width / 2, py + 0.5);
    }
  }

  at(px, py) {
    const box = this.boxes.find((one) => px >= one[0] && px <= one[2] && py >= one[1] && py <= one[3]);
    return box ? box[4] : -1;
  }
}

// A name as lines no wider than `most`: broken at spaces, and inside a word only if it is wider than a line by itself.
// A dot between terms ends a line, and never begins one; a number in brackets stays with its word, and Chinese is broken
// after a colon or a comma.
function brokenName(name, most, measure) {
  const lines = [];
  let line = "";
  const fits = (text) => measure(text.trimEnd()) <= most;
  for (const piece of name.match(/(?:[^\s：、]+(?:\s+\(\d+\))?[：、:]*|[：、]+)(?:\s+[·|/&-](?=\s))?\s*/gu) || [name]) {
    if (fits(line + piece)) { line += piece; continue; }
    if (line) lines.push(line.trimEnd());
    line = "";
    for (const character of fits(piece) ? [piece] : piece) {
      if (line && !fits(line + character)) { lines.push(line); line = ""; }
      line += character;
    }
  }
  if (line.trim()) lines.push(line.trimEnd());
  return lines.length ? lines : [name];
}
