/* The table behind the map: points, texts, columns and words. Cells only ever enter the page as textContent. */

const NOISE = 0xffff;
const LARGEST = { 2: 0xffff, 4: 0xffffffff };

// Numbers come as base64 on a page, as bytes in a notebook.
function bytesOf(value) {
  if (typeof value === "string") return Uint8Array.from(atob(value), (character) => character.charCodeAt(0)).buffer;
  if (value instanceof ArrayBuffer) return value;
  return value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength);
}

class Table {
  constructor(data) {
    this.data = data;
    this.number = new Intl.NumberFormat(data.language);
    const { count } = data, unit = (value) => Float32Array.from(new Uint16Array(bytesOf(value)), (one) => one / 65535);
    const largest = (axis) => axis.reduce((a, b) => Math.max(a, b), 0);
    this.count = count;
    this.x = unit(data.x);
    this.y = unit(data.y);
    this.right = largest(this.x);
    this.top = largest(this.y);
    this.group = new Uint16Array(bytesOf(data.group));
    this.names = data.groups.map((one) => one.name);
    // Position in the table of each point.
    this.rows = data.rows ? new Uint32Array(bytesOf(data.rows)) : Uint32Array.from({ length: count }, (_, i) => i);
    // The neighbours of each point, nearest first; the largest number stands for none.
    const near = data.neighbors;
    this.reach = near ? near.k : 0;
    this.near = near ? new (near.bytes === 2 ? Uint16Array : Uint32Array)(bytesOf(near.points)) : null;
    this.none = near ? LARGEST[near.bytes] : 0;
    this.columns = (data.choices || []).map((one) => new Column(one));
  }

  // The wording of a key; one of a thing may have a wording of its own.
  words(key, values = {}) {
    const { words } = this.data;
    const text = (values.count === "1" && words[`${key}_one`]) || words[key];
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  label(i) { return this.data.labels ? this.data.labels[i] : String(this.rows[i]); }
  rowName(i) { return this.words("row", { label: this.label(i) }); }
  title(i) { return this.data.texts.map((column) => column[i]).find(Boolean) || this.data.files?.[i] || this.rowName(i); }
  groupName(i) { return this.group[i] === NOISE ? this.words("noise") : this.names[this.group[i]]; }

  neighbors(i) {
    if (!this.near) return [];
    return [...this.near.subarray(i * this.reach, (i + 1) * this.reach)].filter((one) => one !== this.none);
  }

  // Rows that are like most of some rows and not among them, best first. A row counts by how many of its own neighbours
  // are among them, and of how many of them it is a neighbour; near ones count more.
  alike(rows, most) {
    if (!this.near || !rows.length) return [];
    const among = new Uint8Array(this.count), votes = new Float32Array(this.count), { near, reach, none } = this;
    for (const i of rows) among[i] = 1;
    const weight = (rank) => 1 / (2 + rank);
    for (let i = 0; i < this.count; i++) {
      for (let rank = 0; rank < reach; rank++) {
        const other = near[i * reach + rank];
        if (other === none) break;
        if (among[i] && !among[other]) votes[other] += weight(rank);
        if (among[other] && !among[i]) votes[i] += weight(rank);
      }
    }
    // Half of what a row would get whose whole surroundings are among them; of few rows, one good neighbour is enough.
    let whole = 0;
    for (let rank = 0; rank < Math.min(reach, 2 * rows.length); rank++) whole += weight(rank);
    const found = [];
    for (let i = 0; i < this.count; i++) if (votes[i] >= whole / 2) found.push(i);
    return found.sort((a, b) => votes[b] - votes[a] || a - b).slice(0, most);
  }
}

// A column that colours and filters: values of a kind, or numbers.
class Column {
  constructor({ name, kind, color, filter, values, tones, low, high, codes }) {
    Object.assign(this, { name, kind, color, filter, values, tones, low, high });
    this.codes = new Uint16Array(bytesOf(codes));
  }

  get isScale() { return this.kind !== "category"; }

  // Numbers and times are kept as 65,535 steps from the lowest to the highest; the step above them is a missing cell.
  numberAt(step) {
    const share = step / (NOISE - 1);
    return this.low * (1 - share) + this.high * share;
  }

  stepOf(number) {
    if (!(this.high > this.low)) return 0;
    return Math.min(Math.max((number / 2 - this.low / 2) / (this.high / 2 - this.low / 2), 0), 1) * (NOISE - 1);
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) { element.textContent = text; element.dir = "auto"; }
  return element;
}
