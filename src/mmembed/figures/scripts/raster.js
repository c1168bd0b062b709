/* Dots written straight into the pixels of a picture: with many points this is many times faster than drawing them. */

// Dots may stand on quarters of a pixel; on whole ones they would line up in a grid.
const PHASES = 4;

const channels = (color) => {
  if (color[0] === "#") return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  return color.match(/[\d.]+/g).slice(0, 3).map(Number);
};

class Raster {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.masks = new Map();
  }

  clear(background) {
    const [r, g, b] = channels(background);
    this.pixels.fill((255 << 24) | (b << 16) | (g << 8) | r);
  }

  // A dot of one colour: for each phase the offsets and the weights (of 256) of the pixels that it covers.
  dot(color, radius, alpha) {
    const [r, g, b] = channels(color), reach = Math.ceil(radius + 1) + 1;
    return { masks: this.masksOf(radius, alpha), reach, redBlue: (b << 16) | r, green: g << 8 };
  }

  // The same for dots of all colours.
  masksOf(radius, alpha) {
    const key = `${radius}/${alpha}`;
    if (this.masks.has(key)) return this.masks.get(key);
    if (this.masks.size > 20) this.masks.clear();
    const masks = [], reach = Math.ceil(radius + 1);
    for (let phase = 0; phase < PHASES * PHASES; phase++) {
      const dx = (phase % PHASES) / PHASES, dy = Math.floor(phase / PHASES) / PHASES;
      const offsets = [], weights = [];
      for (let py = -reach; py <= reach + 1; py++) {
        for (let px = -reach; px <= reach + 1; px++) {
          const cover = Math.min(Math.max(radius + 0.5 - Math.hypot(px - dx, py - dy), 0), 1) * alpha;
          if (cover < 0.02) continue;
          offsets.push(py * this.width + px);
          weights.push(Math.round(cover * 256));
        }
      }
      masks.push({ offsets: Int32Array.from(offsets), weights: Int32Array.from(weights) });
    }
    this.masks.set(key, masks);
    return masks;
  }

  stamp(px, py, dot) {
    const x = Math.floor(px), y = Math.floor(py), { reach } = dot;
    if (x < reach || y < reach || x >= this.width - reach || y >= this.height - reach) return;
    const { offsets, weights } = dot.masks[Math.floor((py - y) * PHASES) * PHASES + Math.floor((px - x) * PHASES)];
    const { pixels } = this, { redBlue, green } = dot, start = y * this.width + x;
    for (let m = 0; m < offsets.length; m++) {
      const place = start + offsets[m], old = pixels[place], a = weights[m], rest = 256 - a;
      // Red and blue are mixed in one go: eight free bits lie between them.
      const rb = ((Math.imul(old & 0xff00ff, rest) + Math.imul(redBlue, a)) >>> 8) & 0xff00ff;
      const gg = ((Math.imul(old & 0xff00, rest) + Math.imul(green, a)) >>> 8) & 0xff00;
      pixels[place] = 0xff000000 | rb | gg;
    }
  }
}
