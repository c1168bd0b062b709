/* The page: joins map, card, panel and the cards below, and follows the screen's and the printer's colours. */

function startPage() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;
  const shade = () => (dark.matches && !printing ? 1 : 0);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colors = {
    tone: (g) => data.tones[g][shade()],
    fonts: getComputedStyle(document.documentElement).fontFamily,
    refresh() {
      this.noise = data.noiseTone[shade()];
      this.faded = data.fadedTone[shade()];
      // The style sheet still has its screen colours when the browser announces printing.
      this.surface = printing ? "#ffffff" : variable("--surface");
      this.ink = printing ? "#1b1e23" : variable("--ink");
      this.halo = printing ? "rgb(255 255 255 / 88%)" : variable("--halo");
      this.accent = variable("--accent");
    },
  };
  colors.refresh();

  const pictures = new Pictures();
  const tip = new Tip(find("tip"), find("tip-body"), pictures);
  const pin = (i) => { tip.pin(i); panel.mark(i); };
  const pickGroup = (g) => {
    panel.choose(g);
    if (panel.hits.length) map.camera.show(panel.hits);
  };
  const goTo = (i) => {
    if (map.active && !map.active[i]) panel.clear();
    map.camera.show([i]);
    pin(i);
  };
  const panel = new Panel(pictures, {
    goTo,
    pickGroup,
    filtered(active, chosen) {
      pin(-1);
      map.filter(active, chosen);
      for (const card of document.querySelectorAll(".card")) card.classList.toggle("chosen", chosen >= 0 && card.classList.contains(`tone-${chosen}`));
    },
  });
  const useLasso = (on) => {
    map.loop(on);
    find("lasso").setAttribute("aria-pressed", String(on));
  };
  const map = tip.map = new PointMap(find("canvas"), points, colors, {
    hover: (i) => tip.hover(i),
    pick: pin,
    pickGroup,
    looped(rows) { useLasso(false); if (rows.length) panel.select(rows); },
    moved: () => tip.place(),
    toolsWidth: 330,
  });

  find("search").addEventListener("input", (event) => panel.search(event.target.value));
  find("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && panel.hits?.length) map.camera.show(panel.hits);
  });
  const clear = () => { panel.clear(); map.camera.reset(); };
  find("clear").addEventListener("click", () => { clear(); find("search").focus({ preventScroll: true }); });
  find("download").addEventListener("click", () => downloadCsv(panel.hits));
  find("more").addEventListener("click", () => panel.extend());
  find("zoom-in").addEventListener("click", () => map.camera.zoomStep(1.8));
  find("zoom-out").addEventListener("click", () => map.camera.zoomStep(1 / 1.8));
  find("zoom-reset").addEventListener("click", () => map.camera.reset());
  find("lasso").addEventListener("click", () => useLasso(!map.looping));
  find("clear").textContent = words("clear");
  find("tip-close").setAttribute("aria-label", words("close"));
  find("tip-close").addEventListener("click", () => { pin(-1); find("canvas").focus({ preventScroll: true }); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (map.looping) useLasso(false);
    else if (tip.pinned >= 0) pin(-1);
    else if (panel.hits !== null) clear();
  });

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const toMap = () => find("map").scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  for (const button of document.querySelectorAll(".card [data-group]")) {
    const g = Number(button.dataset.group);
    button.hidden = map.labels.anchors[g] < 0;
    button.addEventListener("click", () => { toMap(); pickGroup(g); });
  }
  for (const button of document.querySelectorAll(".rows [data-point]")) {
    button.addEventListener("click", () => { toMap(); goTo(Number(button.dataset.point)); });
  }
  if (pictures.any) {
    find("pictures-switch").hidden = false;
    find("pictures").addEventListener("change", (event) => { map.pictures = event.target.checked ? pictures : null; map.draw(); });
  }

  const repaint = () => { colors.refresh(); map.repaint(); };
  dark.addEventListener("change", repaint);
  // Paper cannot be unfolded.
  const folded = [...document.querySelectorAll("details:not([open])")];
  addEventListener("beforeprint", () => { printing = true; for (const one of folded) one.open = true; repaint(); });
  addEventListener("afterprint", () => { printing = false; for (const one of folded) one.open = false; repaint(); });

  panel.legend();
  panel.list();
  // For tests and the curious: where things are on the screen.
  window.mmembedReport = { map, points, panel };
}

if (data.count) startPage();
