/* The explorer in a notebook: an anywidget. The model has `data` (what Table takes) and `height`, gets `chosen` (points
   that are listed, or null) and answers requests for pictures. */

// Red, green, blue and opacity of a colour, in whatever form the browser tells it.
function colorOf(text) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

// Whether what lies behind an element is dark, whatever the notebook calls its theme.
function isDarkBehind(element) {
  for (let one = element; one; one = one.parentElement || one.getRootNode().host) {
    const [r, g, b, a] = colorOf(getComputedStyle(one).backgroundColor);
    if (a > 127) return 0.299 * r + 0.587 * g + 0.114 * b < 110;
  }
  return false;
}

const pictureOf = (view) => {
  const bytes = new Uint8Array(bytesOf(view));
  const kind = bytes[0] === 0xff ? "jpeg" : "webp";
  return `data:image/${kind};base64,${btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""))}`;
};

function render({ model, el }) {
  // Styles of the notebook do not reach into a shadow, and those of the explorer do not leave it.
  const host = make("div"), shadow = host.attachShadow({ mode: "open" }), style = document.createElement("style");
  style.textContent = STYLE;
  const outer = make("div", "explorer"), root = make("div", "board");
  root.style.setProperty("--board-height", `${model.get("height")}px`);
  outer.lang = model.get("data").language;
  outer.append(root);
  shadow.append(style, outer);
  el.append(host);
  // Keys that the explorer knows are not commands of the notebook.
  host.dataset.lmSuppressShortcuts = "true";
  for (const type of ["keydown", "keyup", "keypress"]) host.addEventListener(type, (event) => event.stopPropagation());

  let dark = isDarkBehind(el), sent = null, pause = 0;
  outer.classList.toggle("dark", dark);
  const data = model.get("data");
  const tell = (hits) => {
    const text = hits === null ? null : hits.join();
    if (text === sent) return;
    sent = text;
    clearTimeout(pause);
    pause = setTimeout(() => { model.set("chosen", hits); model.save_changes(); }, 120);
  };
  const explorer = new Explorer(root, data, {
    isDark: () => dark,
    wanted: data.pictured ? new Uint8Array(bytesOf(data.pictured)) : null,
    request: (points) => model.send({ kind: "pictures", points }),
    changed: tell,
  });
  const receive = (message, buffers) => {
    if (message.kind !== "pictures") return;
    explorer.addPictures(new Map(message.points.map((i, place) => [i, pictureOf(buffers[place])])));
  };
  model.on("msg:custom", receive);
  host.addEventListener("keydown", (event) => { if (event.key === "Escape") explorer.escape(); });

  // Themes change by attributes of the page; and before the first layout nothing is known of colours and sizes.
  const look = () => {
    dark = isDarkBehind(el);
    outer.classList.toggle("dark", dark);
    explorer.repaint();
  };
  const themes = new MutationObserver(look), sizes = new ResizeObserver(() => { sizes.disconnect(); look(); });
  for (const one of [document.documentElement, document.body]) themes.observe(one, { attributes: true });
  sizes.observe(host);
  host.explorer = explorer;
  return () => {
    clearTimeout(pause);
    model.off("msg:custom", receive);
    themes.disconnect();
    sizes.disconnect();
    explorer.close();
  };
}

export default { render };
