// The frames around the bodies of functions close to one box each, and open again.
const CLOSED_HIGH = 34;

// What the page knows of the frames that Graphviz drew; one that is closed is drawn as a box.
function framed(shown, byId) {
  shown.closed = new Set();
  shown.frames = (shown.data.frames || []).map((known) => {
    const el = byId.get(known.id);
    const facts = { id: known.id, role: "frame", state: "quiet", lines: [known.label] };
    const made = el && entry(shown, facts, el, outline(el), -1);
    if (!made) return null;
    Object.assign(made, { key: known.id, parent: known.parent, frame: true });
    el.setAttribute("aria-expanded", "true");
    badge(el, made.at, false);
    return made;
  });
  for (const frame of shown.frames.filter(Boolean)) {
    const tops = shown.nodes.filter((node) => inFrame(shown, node, frame)).map((node) => node.top);
    frame.inner = new Set(tops);
  }
  shown.nodes.push(...shown.frames.filter(Boolean));
}

function inFrame(shown, node, frame) {
  let home = node.frame === true ? node.parent : node.facts.frame;
  for (; home !== undefined && home !== null; home = shown.frames[home] && shown.frames[home].parent) {
    if (shown.frames[home] === frame) return true;
  }
  return false;
}

// The outermost closed frame that a box stands in.
function closedHome(shown, node) {
  const homes = shown.frames.filter((one) => one && shown.closed.has(one.key) && inFrame(shown, node, one));
  return homes.find((one) => !homes.some((other) => other !== one && inFrame(shown, one, other)));
}

// How the paper shrinks along one axis: only where no other box stands beside the closed frame.
function shrunk(shown, frames, solid, from, to, size) {
  const parts = frames.map((frame) => [frame.at[from], frame.at[to]]);
  const marks = [...new Set([...parts.flat(), ...solid.flat()])].sort((a, b) => a - b);
  const bands = marks.slice(1).map((end, i) => ({ from: marks[i], to: end, rate: 0 }));
  const over = (band, [x0, x1]) => x0 <= band.from && x1 >= band.to;
  frames.forEach((frame, i) => {
    const free = bands.filter((band) => over(band, parts[i]) && !solid.some((one) => over(band, one)));
    const room = free.reduce((sum, band) => sum + band.to - band.from, 0);
    const need = Math.max(0, parts[i][1] - parts[i][0] - frame.size[size]);
    const rate = room ? -Math.min(0.97, need / room) : 0;
    for (const band of free) band.rate = band.rate ? Math.max(band.rate, rate) : rate;
  });
  return bands.filter((band) => band.rate);
}

function closedSize(facts) {
  return { w: Math.max(90, measured(facts).w + 10), h: CLOSED_HIGH };
}

// The box of a closed frame, in the middle of what is left of its place.
function closedBox(shown, frame, mapX, mapY) {
  const { x0, x1, y0, y1 } = frame.at;
  const [mx, my] = [(mapX(x0) + mapX(x1)) / 2, (mapY(y0) + mapY(y1)) / 2];
  const { w, h } = frame.size;
  const at = { x0: mx - w / 2, x1: mx + w / 2, y0: my - h / 2, y1: my + h / 2 };
  const g = draw("g", { class: "tm-frame" }, shown.graph);
  const ends = endsIn(shown, frame);
  const el = draw("g", { class: ends ? "tm-closed tm-ends" : "tm-closed" }, g);
  draw("rect", { x: at.x0, y: at.y0, width: w, height: h, rx: 8 }, el);
  const count = frame.inner.size;
  const held = `${count} ${count === 1 ? "box" : "boxes"}`;
  const lines = [frame.facts.lines[0], ends ? `${held}, the gradient ends in one` : held];
  lines.forEach((text, i) => {
    const place = { x: mx, y: at.y0 + 15 + 12 * i, "text-anchor": "middle", "font-size": i ? 10 : 11 };
    draw("text", place, el).textContent = text;
  });
  const made = entry(shown, { ...frame.facts, lines }, el, at, -1);
  Object.assign(made, { key: frame.key, parent: frame.parent, frame: true, inner: frame.inner });
  el.setAttribute("aria-expanded", "false");
  badge(el, at, true);
  frame.box = made;
  return made;
}

// An arrow into or out of a closed frame ends at its box; one inside of it is not there.
function around(edge, homes) {
  const [tail, head] = [homes.get(edge.tail), homes.get(edge.head)];
  const within = tail && tail === head;
  edge.el.style.display = within ? "none" : "";
  if (within || (!tail && !head)) return;
  const path = edge.el.querySelector("path");
  const points = numbers(path.getAttribute("d"));
  const begin = tail ? middleOf(tail.box.now) : points.slice(0, 2);
  const end = head ? middleOf(head.box.now) : numbers(edge.el.querySelector("polygon").getAttribute("points")).slice(2, 4);
  const moved = head ? [0, 0] : shiftOf(edge.el.querySelector("polygon"));
  const goal = [end[0] + moved[0], end[1] + moved[1]];
  const from = tail ? leaving(tail.box.now, begin, goal) : begin;
  const to = head ? leaving(head.box.now, goal, begin) : goal;
  const far = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const [ux, uy] = [(to[0] - from[0]) / far, (to[1] - from[1]) / far];
  path.setAttribute("d", `M${from}L${to[0] - 6 * ux},${to[1] - 6 * uy}`);
  const tip = edge.el.querySelector("polygon");
  if (tip && head) {
    tip.was = tip.was || tip.getAttribute("points");
    const base = [to[0] - 7 * ux, to[1] - 7 * uy];
    const sides = [[base[0] - 2.6 * uy, base[1] + 2.6 * ux], [base[0] + 2.6 * uy, base[1] - 2.6 * ux]];
    tip.setAttribute("points", `${sides[0]} ${to} ${sides[1]}`);
    tip.removeAttribute("transform");
  }
}

function endsIn(shown, frame) {
  return shown.edges.some((edge) => edge.state === "cut" && frame.inner.has(edge.head));
}

function middleOf({ x0, x1, y0, y1 }) {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

function shiftOf(el) {
  return numbers(el.getAttribute("transform") || "0 0");
}

// Where the line from the middle of a box to a point leaves the box.
function leaving({ x0, x1, y0, y1 }, [mx, my], [x, y]) {
  const [dx, dy] = [x - mx, y - my];
  const part = Math.min((x1 - x0) / 2 / (Math.abs(dx) || 1e-9), (y1 - y0) / 2 / (Math.abs(dy) || 1e-9));
  return [mx + dx * Math.min(1, part), my + dy * Math.min(1, part)];
}
