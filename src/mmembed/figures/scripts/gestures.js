/* What fingers, mouse, wheel and keys do to the map. */

function listenToGestures(map) {
  const { canvas, camera, hooks } = map;
  const held = new Map(), aborter = new AbortController(), { signal } = aborter;
  const on = (type, listener, options = {}) => canvas.addEventListener(type, listener, { ...options, signal });
  let moved = false, gap = 0, looping = false;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [a, b] = [...held.values()];
    return { gap: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  };

  on("pointerdown", (event) => {
    camera.stop();
    held.set(event.pointerId, at(event));
    canvas.setPointerCapture(event.pointerId);
    if (held.size === 1) {
      moved = false;
      looping = map.looping || event.shiftKey;
      if (looping) { map.lasso.start(...at(event)); hooks.hover(-1); }
    } else {
      // A second finger pinches, whatever the first one began.
      moved = true;
      looping = false;
      map.lasso.path = [];
      gap = spread().gap;
    }
  });

  on("pointermove", (event) => {
    const now = at(event), before = held.get(event.pointerId);
    if (!before) {
      const name = map.nameAt(...now), point = name < 0 ? map.pointAt(...now, 12) : -1;
      canvas.classList.toggle("over", !map.looping && (point >= 0 || name >= 0));
      hooks.hover(map.looping ? -1 : point);
    } else if (held.size === 2) {
      const old = spread();
      held.set(event.pointerId, now);
      const fresh = spread();
      camera.view.x += fresh.middle[0] - old.middle[0];
      camera.view.y += fresh.middle[1] - old.middle[1];
      camera.zoomAt(...fresh.middle, gap ? fresh.gap / gap : 1);
      gap = fresh.gap;
    } else if (looping) {
      map.lasso.extend(...now);
      map.draw();
    } else if (moved || Math.hypot(now[0] - before[0], now[1] - before[1]) > 4) {
      if (!moved) { moved = true; canvas.classList.add("moving"); hooks.hover(-1); }
      held.set(event.pointerId, now);
      camera.shift(now[0] - before[0], now[1] - before[1]);
    }
  });

  const release = (event) => {
    const was = held.delete(event.pointerId);
    canvas.classList.remove("moving");
    if (looping && was) {
      looping = false;
      const rows = event.type === "pointerup" ? map.lasso.inside(map) : [];
      map.lasso.path = [];
      map.draw();
      hooks.looped(rows);
      return;
    }
    if (!was || moved || event.type !== "pointerup") return;
    const now = at(event), name = map.nameAt(...now);
    if (name >= 0) hooks.pickGroup(name);
    else hooks.pick(map.pointAt(...now, event.pointerType === "touch" ? 26 : 12));
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("pointerleave", () => { if (!held.size) hooks.hover(-1); });
  on("dblclick", (event) => camera.zoomAt(...at(event), 2));

  // Scrolling down on the whole map scrolls the page: a reader on the way to the clusters is not held up.
  on("wheel", (event) => {
    if (event.deltaY > 0 && camera.view.k <= 1.001) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    const turned = Math.max(Math.min(event.deltaY * lines, 240), -240);
    camera.zoomAt(...at(event), Math.exp(-turned * (event.ctrlKey ? 0.01 : 0.0022)));
  }, { passive: false });

  // Without a pinned point the arrows move the map; with one they go from point to point.
  on("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, way = ways[event.key];
    const pinned = hooks.pinned();
    if (way && pinned >= 0) {
      const next = map.nextTo(pinned, ...way);
      if (next >= 0) { camera.reveal(next); hooks.pick(next); }
    } else if (way) camera.shift(-60 * way[0], -60 * way[1]);
    else if (event.key === "Enter" || event.key === " ") {
      if (pinned < 0) hooks.pick(map.nearestToMiddle());
      else hooks.like(pinned);
    } else if (event.key === "+" || event.key === "=") camera.zoomStep(1.6);
    else if (event.key === "-") camera.zoomStep(1 / 1.6);
    else if (event.key === "0") camera.reset();
    else return;
    event.preventDefault();
  });
  return () => aborter.abort();
}
