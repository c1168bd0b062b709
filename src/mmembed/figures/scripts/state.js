/* What is seen, as the hash of an address and back. An address may come from anyone: each part is read as what it must
   be, and dropped if it is not. */

const LONGEST_QUERY = 200;

function stateToHash(state) {
  const parts = new URLSearchParams();
  if (state.query) parts.set("q", state.query);
  if (state.group !== null) parts.set("topic", state.group === NOISE ? "none" : String(state.group));
  if (state.color !== "topics") parts.set("color", state.color);
  for (const [place, wanted] of state.kept) parts.set(`keep-${place}`, typeof wanted === "number" ? String(wanted) : `${wanted.from}~${wanted.to}`);
  if (state.like !== null) parts.set("like", String(state.like));
  if (state.point >= 0) parts.set("point", String(state.point));
  if (state.pictures === false) parts.set("pictures", "0");
  if (state.view) parts.set("view", [state.view.x.toFixed(4), state.view.y.toFixed(4), state.view.k.toFixed(2)].join("~"));
  return parts.toString();
}

// The state that a hash describes; null where it describes none, e.g. the name of a section.
function stateOfHash(hash, table) {
  const text = hash.replace(/^#/, "");
  if (!text.includes("=")) return null;
  const parts = new URLSearchParams(text);
  const whole = (value, below) => (/^\d{1,9}$/.test(value ?? "") && Number(value) < below ? Number(value) : null);
  const state = { query: (parts.get("q") ?? "").slice(0, LONGEST_QUERY), group: null, color: "topics", kept: new Map(), like: null, point: -1, view: null, pictures: parts.get("pictures") !== "0" };
  state.group = parts.get("topic") === "none" ? NOISE : whole(parts.get("topic"), table.names.length);
  const color = /^column-(\d{1,4})$/.exec(parts.get("color") ?? "");
  if (color && table.columns[color[1]]?.color) state.color = `column-${Number(color[1])}`;
  for (const [place, column] of table.columns.entries()) {
    const value = parts.get(`keep-${place}`), range = /^(\d{1,5})~(\d{1,5})$/.exec(value ?? "");
    if (!column.filter) continue;
    if (!column.isScale && whole(value, column.values.length) !== null) state.kept.set(place, whole(value, column.values.length));
    else if (column.isScale && range && Number(range[2]) < NOISE) state.kept.set(place, { from: Number(range[1]), to: Number(range[2]) });
  }
  if (table.near) state.like = whole(parts.get("like"), table.count);
  state.point = whole(parts.get("point"), table.count) ?? -1;
  const view = (parts.get("view") ?? "").split("~").map(Number);
  if (view.length === 3 && view.every(Number.isFinite)) state.view = { x: view[0], y: view[1], k: view[2] };
  return state;
}
