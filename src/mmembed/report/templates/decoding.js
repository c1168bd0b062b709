/* The data of the page: texts, points and words. Texts only ever enter the page as textContent. */

const NOISE = 0xffff;
const find = (id) => document.getElementById(id);
const data = JSON.parse(find("data").textContent);
// One of a thing may have a wording of its own.
const wording = (key, count) => (count === "1" && data.words[`${key}_one`]) || data.words[key];
const words = (key, values = {}) => wording(key, values.count).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = new Intl.NumberFormat(data.language);

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;

function readPoints() {
  const unit = (text) => Float32Array.from(new Uint16Array(bytesOf(text)), (value) => value / 65535);
  const x = unit(data.x), y = unit(data.y);
  const largest = (axis) => axis.reduce((a, b) => Math.max(a, b), 0);
  return {
    count: data.count, x, y, group: new Uint16Array(bytesOf(data.group)), names: data.groups.map((one) => one.name),
    right: largest(x), top: largest(y),
    // Position in the table of each point.
    rows: data.rows ? new Uint32Array(bytesOf(data.rows)) : Uint32Array.from({ length: data.count }, (_, i) => i),
  };
}

const points = readPoints();
const label = (i) => (data.labels ? data.labels[i] : String(points.rows[i]));
const rowName = (i) => words("row", { label: label(i) });
const title = (i) => data.texts.map((column) => column[i]).find(Boolean) || rowName(i);
const groupName = (i) => (points.group[i] === NOISE ? words("noise") : points.names[points.group[i]]);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) { element.textContent = text; element.dir = "auto"; }
  return element;
}

const swatch = (g) => make("span", `swatch ${g === NOISE ? "noise" : `tone-${g}`}`);
