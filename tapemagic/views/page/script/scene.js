// The picture on screen: its boxes and arrows by number, and the part of it that is in view.
const NATURAL = 1.15; // pixels per point: text as large as the notebook's
// JupyterLab would take arrows and letters for its own; it asks the element that has the focus.
const OURS = ["data-lm-suppress-shortcuts", "true"];
const TALLEST = 560;

function scene(figure, data) {
  const text = decoded(figure.querySelector("img"));
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const byId = new Map();
  const svg = draw("svg", { class: "tm-live", role: "group" });
  svg.setAttribute("aria-label", `${data.title}. Arrow keys go from box to box.`);
  copied(parsed.querySelector("g.graph"), svg, byId);
  const graph = svg.firstChild;
  const frame = parsed.documentElement.getAttribute("viewBox").split(/\s+/).map(Number);
  const shown = {
    figure, data, svg, graph, text,
    style: parsed.querySelector("style").textContent,
    shift: numbers(graph.getAttribute("transform").split("translate")[1]),
    size: { w: frame[2], h: frame[3] },
    nodes: [], edges: [], frames: [], opened: new Set(), closed: new Set(), shows: 0,
  };
  data.nodes.forEach((facts, i) => {
    const el = byId.get(facts.id);
    if (el) shown.nodes[i] = entry(shown, facts, el, outline(el), i);
  });
  data.edges.forEach(([tail, head, state, label], i) => {
    const el = byId.get("e" + i);
    if (el) shown.edges.push({ tail, head, state, label, el });
  });
  shown.nodes = shown.nodes.filter(Boolean);
  if (data.frames.length) framed(shown, byId);
  for (const edge of shown.edges) {
    edge.el.classList.add("tm-e");
    const label = edge.el.querySelector("text");
    if (label && edge.label.startsWith("×")) label.classList.add("tm-g");
  }
  return shown;
}

// One box that can be pointed at, whether Graphviz drew it or we did.
function entry(shown, facts, el, at, top) {
  el.classList.add("tm-n");
  el.setAttribute("role", "button");
  el.setAttribute("tabindex", "-1");
  el.setAttribute(...OURS);
  el.setAttribute("aria-label", facts.lines.join(", "));
  for (const text of el.querySelectorAll("text")) parted(text);
  const made = { facts, el, at, now: at, top, lines: linesOf(facts) };
  if (facts.inside) {
    el.setAttribute("aria-expanded", "false");
    badge(el, at, true);
  }
  return made;
}

// The sign in the corner of what opens (plus) or closes (minus).
function badge(el, at, opens) {
  const made = draw("g", { class: "tm-badge", "aria-hidden": "true" }, el);
  draw("circle", { cx: at.x1 - 1, cy: at.y0 + 1, r: 6 }, made);
  draw("path", { d: `M${at.x1 - 4},${at.y0 + 1}h6${opens ? "m-3,-3v6" : ""}` }, made);
}

// The gradient gets an element of its own within its line, to appear when it is computed.
function parted(text) {
  const found = /^(.*?)((?: · )?grad .*)$/.exec(text.textContent);
  if (!found) return;
  text.textContent = found[1];
  draw("tspan", { class: "tm-g" }, text).textContent = found[2];
}

function linesOf(facts) {
  const own = facts.line === undefined ? [] : [facts.line];
  const inner = facts.inside ? facts.inside.nodes.flatMap(linesOf) : [];
  return [...new Set([...own, ...inner])];
}

// Show the part of the picture around a point; no scale is the one in use.
function look(shown, x, y, scale) {
  shown.scale = Math.min(6, Math.max(0.08, scale || shown.scale));
  shown.x = x;
  shown.y = y;
  const w = shown.figure.clientWidth / shown.scale;
  const h = shown.height / shown.scale;
  shown.svg.setAttribute("viewBox", `${x - w / 2} ${y - h / 2} ${w} ${h}`);
}

function fit(shown) {
  const { w, h } = shown.size;
  const scale = Math.min(shown.figure.clientWidth / w, shown.height / h);
  look(shown, w / 2, h / 2, Math.min(scale, 1.4));
}

// How much paper is shown at once, for what is drawn now; the scale at which it is begun.
function tall(shown) {
  const { w, h } = shown.size;
  const scale = Math.min(NATURAL, Math.max(shown.figure.clientWidth / w, 0.62 * NATURAL));
  shown.height = Math.max(90, Math.min(TALLEST, h * scale + 6));
  shown.svg.style.height = `${shown.height}px`;
  return scale;
}

// At first all of it, unless that would be too small to read: then what matters most.
function begin(shown) {
  const width = shown.figure.clientWidth;
  if (!width) return;
  const { w, h } = shown.size;
  const scale = tall(shown);
  const broken = shown.edges.find((edge) => edge.state === "cut");
  const loud = shown.nodes.find((node) => ["cut", "born"].includes(node.facts.state))
    || (broken && shown.nodes.find((node) => node.top === broken.head));
  const target = shown.nodes.find((node) => node.facts.role === "target");
  const whole = w * scale <= width + 1 && h * scale <= shown.height + 1;
  if (!whole) say(shown, "A part of the diagram: drag it, or press Fit to see all of it.");
  if (whole) look(shown, w / 2, h / 2, scale);
  else if (loud || target) look(shown, ...kept(shown, centre(shown, loud || target), scale), scale);
  else fit(shown);
}

// A middle from which no empty paper is in view that need not be.
function kept(shown, [x, y], scale) {
  const near = (at, size, seen) => {
    const half = seen / scale / 2;
    return half * 2 >= size ? size / 2 : Math.max(half, Math.min(size - half, at));
  };
  return [near(x, shown.size.w, shown.figure.clientWidth), near(y, shown.size.h, shown.height)];
}

// The middle of a box in the coordinates of the view.
function centre(shown, node) {
  const { x0, x1, y0, y1 } = node.now;
  return [(x0 + x1) / 2 + shown.shift[0], (y0 + y1) / 2 + shown.shift[1]];
}

// Move the view only as far as a box needs to be seen.
function reveal(shown, node) {
  const [x, y] = centre(shown, node);
  const w = shown.figure.clientWidth / shown.scale / 2 - 40;
  const h = shown.height / shown.scale / 2 - 20;
  const near = (now, to, room) => Math.max(to - room, Math.min(to + room, now));
  look(shown, near(shown.x, x, Math.max(w, 1)), near(shown.y, y, Math.max(h, 1)));
}

function zoom(shown, factor, x, y) {
  const scale = Math.min(6, Math.max(0.08, shown.scale * factor));
  const still = shown.scale / scale;
  const [ox, oy] = x === undefined ? [shown.x, shown.y] : [x, y];
  look(shown, ox + (shown.x - ox) * still, oy + (shown.y - oy) * still, scale);
}
