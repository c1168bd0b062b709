/* A soft glow under the points: how many there are and of which colours, blurred. Drawn once, then moved and scaled. */

const DENSITY_EDGE = 420;
const DENSITY_RIM = 0.08;

class Density {
  constructor(points) {
    this.points = points;
    this.key = null;
    this.canvas = null;
  }

  // A picture of the whole map with a rim on all sides; `key` tells one colouring and filter from the next.
  picture(key, coloring, active, colors) {
    if (this.key === key) return this.canvas;
    this.key = key;
    const { points } = this, { count, x, y, right, top } = points;
    const span = Math.max(right, top, 1e-6), scale = (DENSITY_EDGE * (1 - 2 * DENSITY_RIM)) / span, rim = DENSITY_EDGE * DENSITY_RIM;
    const wide = Math.ceil(right * scale + 2 * rim), high = Math.ceil(top * scale + 2 * rim);
    this.place = { left: -rim / scale, up: top + rim / scale, width: wide / scale, height: high / scale };
    const sums = [0, 1, 2, 3].map(() => new Float32Array(wide * high));
    const tones = coloring.tones.map((pair) => channels(colors.of(pair)));
    for (let i = 0; i < count; i++) {
      const code = coloring.codes[i];
      if (code === NOISE || (active && !active[i])) continue;
      const cell = Math.floor((top - y[i]) * scale + rim) * wide + Math.floor(x[i] * scale + rim);
      const tone = tones[code];
      sums[0][cell] += tone[0]; sums[1][cell] += tone[1]; sums[2][cell] += tone[2]; sums[3][cell]++;
    }
    // Few points glow widely, many narrowly.
    const radius = Math.round(Math.min(Math.max(90 / Math.sqrt(Math.max(count, 1)), 5), 8));
    const spare = new Float32Array(wide * high);
    for (const sum of sums) for (let pass = 0; pass < 3; pass++) blur(sum, spare, wide, high, radius);
    this.canvas = this.colored(sums, wide, high, colors.shade ? 0.36 : 0.28);
    return this.canvas;
  }

  colored([red, green, blue, weight], wide, high, most) {
    const image = new ImageData(wide, high), { data } = image;
    const sorted = weight.filter((value) => value > 1e-6).sort();
    // What four fifths of the glow stay below shows nearly in full: a few crowded places do not take all of it.
    const full = sorted.length ? sorted[Math.floor(sorted.length * 0.8)] : 1;
    for (let c = 0; c < weight.length; c++) {
      const w = weight[c];
      if (w <= 1e-6) continue;
      data[4 * c] = red[c] / w; data[4 * c + 1] = green[c] / w; data[4 * c + 2] = blue[c] / w;
      data[4 * c + 3] = 255 * most * (1 - Math.exp(-1.6 * (w / full)));
    }
    const canvas = document.createElement("canvas");
    canvas.width = wide;
    canvas.height = high;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // Deep in the map the glow would be one flat colour: it fades away there.
  paint(context, picture, { ax, bx, ay, by }, k) {
    const { left, up, width, height } = this.place;
    context.globalAlpha = 1 / (1 + (k / 9) ** 2);
    context.imageSmoothingQuality = "low";
    context.drawImage(picture, left * ax + bx, up * ay + by, width * ax, -height * ay);
    context.globalAlpha = 1;
  }
}

// The mean of a window, along rows and then along columns; three times make a bell.
function blur(values, spare, wide, high, radius) {
  const share = 1 / (2 * radius + 1);
  const run = (from, to, lines, length, lineStep, step) => {
    for (let line = 0; line < lines; line++) {
      const start = line * lineStep;
      let sum = 0;
      for (let n = 0; n < Math.min(radius, length); n++) sum += from[start + n * step];
      for (let n = 0; n < length; n++) {
        if (n + radius < length) sum += from[start + (n + radius) * step];
        if (n - radius > 0) sum -= from[start + (n - radius - 1) * step];
        to[start + n * step] = sum * share;
      }
    }
  };
  run(values, spare, high, wide, wide, 1);
  run(spare, values, wide, high, 1, wide);
}
