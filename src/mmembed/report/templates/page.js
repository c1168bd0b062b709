/* The page: joins the board with the cards below it, the address, and the screen's and the printer's colours. */

function startPage() {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  if (!data.count) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // Pictures of typical rows are in the cards already, those of other points in the data.
  const sources = new Map(Object.entries(data.thumbnails).map(([i, source]) => [Number(i), source])), first = [];
  for (const image of document.querySelectorAll("img[data-picture]")) {
    const i = Number(image.dataset.picture);
    first.push(i);
    if (!sources.has(i)) sources.set(i, image.src);
  }
  // The whole map is above the fold, unless that would make it small.
  const fitHeight = () => {
    const left = innerHeight - (find("board").getBoundingClientRect().top + scrollY) - 16;
    find("board").style.setProperty("--board-height", `${Math.round(Math.min(Math.max(left, 440), 760))}px`);
  };
  fitHeight();
  addEventListener("resize", fitHeight);
  let told = null, known = location.hash, opening = true;
  // The address follows what is seen, so that it can be sent; a page in a frame may not change it.
  const write = () => {
    if (opening || location.hash !== known) return;
    const hash = stateToHash(explorer.state);
    if (hash === told || (!hash && !location.hash.includes("="))) return;
    told = hash;
    try { history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search); } catch { /* in a frame */ }
    known = location.hash;
  };
  let pause = 0;
  const explorer = new Explorer(find("board"), data, {
    isDark: () => dark.matches,
    sources,
    first,
    seen: () => { clearTimeout(pause); pause = setTimeout(write, 200); },
    marked: (chosen) => {
      for (const card of document.querySelectorAll(".card")) card.classList.toggle("chosen", chosen >= 0 && card.classList.contains(`tone-${chosen}`));
    },
  });
  const read = () => {
    known = location.hash;
    const state = stateOfHash(location.hash, explorer.table);
    if (!state) return;
    explorer.state = state;
    find("board").scrollIntoView({ block: "nearest", behavior: "instant" });
  };
  read();
  opening = false;
  addEventListener("hashchange", () => { if (location.hash !== known) read(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") explorer.escape(); });

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const toMap = () => find("map").scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  for (const button of document.querySelectorAll(".card [data-group]")) {
    const g = Number(button.dataset.group);
    button.hidden = explorer.map.labels.anchors[g] < 0;
    button.addEventListener("click", () => { toMap(); explorer.pickGroup(g); });
  }
  for (const button of document.querySelectorAll(".rows [data-point]")) {
    button.addEventListener("click", () => { toMap(); explorer.goTo(Number(button.dataset.point)); });
  }

  dark.addEventListener("change", () => explorer.repaint());
  // Paper cannot be unfolded, and has a width of its own: the map is drawn anew for it.
  const folded = [...document.querySelectorAll("details:not([open])")];
  const forPaper = (on) => {
    for (const one of folded) one.open = on;
    find("board").classList.toggle("on-paper", on);
    explorer.colors.printing = on;
    explorer.map.resize();
    explorer.repaint();
  };
  addEventListener("beforeprint", () => forPaper(true));
  addEventListener("afterprint", () => forPaper(false));

  // For tests and the curious: where things are on the screen.
  window.mmembedReport = { explorer, map: explorer.map, points: explorer.table, panel: explorer.panel };
}

startPage();
