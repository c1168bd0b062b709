/* Points sorted into the cells of a grid, so that looking for the nearest one does not look at all of them. */

class Grid {
  constructor({ count, x, y }) {
    this.x = x;
    this.y = y;
    this.edge = Math.min(Math.max(Math.ceil(Math.sqrt(count / 4)), 1), 256);
    const cell = (i) => this.place(y[i]) * this.edge + this.place(x[i]);
    this.starts = new Uint32Array(this.edge * this.edge + 1);
    for (let i = 0; i < count; i++) this.starts[cell(i) + 1]++;
    for (let c = 1; c < this.starts.length; c++) this.starts[c] += this.starts[c - 1];
    const next = this.starts.slice();
    this.members = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.members[next[cell(i)]++] = i;
  }

  // Coordinates run from 0 to 1.
  place(value) { return Math.min(Math.max(Math.floor(value * this.edge), 0), this.edge - 1); }

  // Call visit(i) for all points in the cells that a box touches; some of them lie a little outside.
  inBox(left, low, right, high, visit) {
    const c0 = this.place(left), c1 = this.place(right), r1 = this.place(high);
    for (let r = this.place(low); r <= r1; r++) {
      const end = this.starts[r * this.edge + c1 + 1];
      for (let m = this.starts[r * this.edge + c0]; m < end; m++) visit(this.members[m]);
    }
  }
}
