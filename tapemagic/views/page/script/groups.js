// Folded boxes open in place: the picture is stretched where they stand, and keeps its order.
function toggle(shown, node) {
  const key = node.key || node.facts.id;
  const open = node.frame ? !shown.closed.has(key) : shown.opened.has(key);
  const changed = node.frame ? shown.closed : shown.opened;
  if (changed.has(key)) changed.delete(key);
  else changed.add(key);
  clear(shown);
  arrange(shown);
  const again = shown.nodes.find((one) => !one.hidden && (one.key || one.facts.id) === key);
  say(shown, `${node.facts.lines[0]}: ${open ? "closed" : "open"}.`);
  if (!again) return;
  stand(shown, again, true);
  if (node.frame) {
    tall(shown);
    look(shown, ...kept(shown, centre(shown, again), shown.scale));
  } else if (!open) whole(shown, again);
}

// Bring an opened box into view: all of it, or its beginning where that would be too small.
function whole(shown, node) {
  const { x0, x1, y0, y1 } = node.now;
  const room = [shown.figure.clientWidth / (x1 - x0 + 30), shown.height / (y1 - y0 + 30)];
  const scale = Math.min(shown.scale, Math.max(0.45, Math.min(...room)));
  const [x, y] = centre(shown, node);
  const down = Math.min(0, (shown.height / scale - (y1 - y0 + 30)) / 2);
  const right = Math.min(0, (shown.figure.clientWidth / scale - (x1 - x0 + 30)) / 2);
  look(shown, x + right, y + down, scale);
}

function openAll(shown, open) {
  shown.opened.clear();
  for (const facts of open ? shown.data.nodes : []) {
    if (facts.inside) shown.opened.add(facts.id);
  }
  clear(shown);
  arrange(shown);
  fit(shown);
}

function arrange(shown) {
  if (shown.all) shown.all.textContent = shown.opened.size ? "Close all" : "Open all";
  const whole = shown.nodes.filter((node) => !node.key);
  for (const frame of shown.graph.querySelectorAll(".tm-frame")) frame.remove();
  const open = [];
  const homes = new Map(); // of a box in a closed frame: the frame
  for (const node of whole) {
    const home = closedHome(shown, node);
    if (home) homes.set(node.top, home);
    node.hidden = Boolean(home) || shown.opened.has(node.facts.id);
    if (!node.hidden || home) continue;
    const inner = lay(shown, node.facts.inside, node.facts.id);
    const { x0, x1, y0, y1 } = node.at;
    const more = (need, has) => Math.max(0, need - has);
    const dx = more(inner.w + 2 * GAP, x1 - x0);
    const dy = more(inner.h + 2 * GAP + 14, y1 - y0);
    open.push({ node, inner, x0, x1, y0, y1, dx, dy });
  }
  const closed = [...new Set(homes.values())];
  for (const one of closed) one.size = closedSize(one.facts);
  const seen = whole.filter((node) => !homes.has(node.top)).map((node) => node.at);
  const narrower = shrunk(shown, closed, seen.map((at) => [at.x0 - 8, at.x1 + 8]), "x0", "x1", "w");
  const lower = shrunk(shown, closed, seen.map((at) => [at.y0 - 8, at.y1 + 8]), "y0", "y1", "h");
  const mapX = stretched(open.map((o) => ({ from: o.x0, to: o.x1, more: o.dx })), narrower);
  const mapY = stretched(open.map((o) => ({ from: o.y0, to: o.y1, more: o.dy })), lower);
  for (const node of whole) move(node, mapX, mapY);
  const byTop = new Map(whole.map((node) => [node.top, node]));
  for (const edge of shown.edges) bend(edge, byTop, mapX, mapY);
  const frames = shown.frames.filter(Boolean);
  for (const one of frames) {
    one.hidden = shown.closed.has(one.key) || Boolean(closedHome(shown, one));
    one.el.style.display = one.hidden ? "none" : "";
    const { x0, x1, y0, y1 } = one.at;
    one.now = { x0: mapX(x0), x1: mapX(x1), y0: mapY(y0), y1: mapY(y1) };
  }
  for (const cluster of shown.graph.querySelectorAll(".cluster")) follow(cluster, mapX, mapY);
  const boxes = closed.map((one) => closedBox(shown, one, mapX, mapY));
  for (const edge of shown.edges) around(edge, homes);
  shown.nodes = [...whole, ...frames.filter((one) => !one.hidden), ...boxes];
  for (const one of open) frame(shown, one);
  const base = shown.base = shown.base || shown.size;
  const far = 1e6; // beyond every box the stretch is complete
  shown.size = { w: base.w + mapX(far) - far, h: base.h + mapY(far) - far };
  if (shown.slider) go(shown, shown.step);
}

// Where a place comes to lie when parts of the paper get wider; boxes side by side share room.
function stretched(parts, less = []) {
  const marks = [...new Set(parts.flatMap((part) => [part.from, part.to]))].sort((a, b) => a - b);
  const bands = marks.slice(1).map((to, i) => {
    const from = marks[i];
    const over = parts.filter((part) => part.from <= from && part.to >= to);
    return { from, to, rate: Math.max(0, ...over.map((part) => part.more / (part.to - part.from))) };
  });
  const inside = (value, { from, to }) => Math.max(0, Math.min(value, to) - from);
  bands.push(...less);
  return (value) => bands.reduce((sum, band) => sum + band.rate * inside(value, band), value);
}

// A box keeps its size: it moves with its middle. An open one becomes its frame.
function move(node, mapX, mapY) {
  const { x0, x1, y0, y1 } = node.at;
  node.el.style.display = node.hidden ? "none" : "";
  const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [dx, dy] = [mapX(mx) - mx, mapY(my) - my];
  node.by = [dx, dy];
  node.now = node.hidden
    ? { x0: mapX(x0), x1: mapX(x1), y0: mapY(y0), y1: mapY(y1) }
    : { x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy };
  node.el.setAttribute("transform", `translate(${dx} ${dy})`);
}

// The ends of an arrow stay at their boxes, what is between follows the stretched paper.
function bend(edge, byTop, mapX, mapY) {
  const path = edge.el.querySelector("path");
  if (!path) return;
  edge.d = edge.d || path.getAttribute("d");
  const count = numbers(edge.d).length / 2;
  const side = (i) => byTop.get(i < 2 ? edge.tail : i >= count - 2 ? edge.head : -1);
  let i = -1;
  path.setAttribute("d", edge.d.replace(/(-?[\d.]+),(-?[\d.]+)/g, (_, x, y) => {
    i += 1;
    const node = side(i);
    if (node && !node.hidden) return `${+x + node.by[0]},${+y + node.by[1]}`;
    return `${mapX(+x)},${mapY(+y)}`;
  }));
  const head = byTop.get(edge.head);
  for (const tip of edge.el.querySelectorAll("polygon, text")) {
    if (tip.was) tip.setAttribute("points", tip.was);
    const [x, y] = tip.localName === "text"
      ? [+tip.getAttribute("x"), +tip.getAttribute("y")]
      : numbers(tip.getAttribute("points")).slice(2);
    const near = tip.localName === "polygon" && head && !head.hidden;
    const by = near ? head.by : [mapX(x) - x, mapY(y) - y];
    tip.setAttribute("transform", `translate(${by[0]} ${by[1]})`);
  }
}

function follow(cluster, mapX, mapY) {
  for (const mark of cluster.querySelectorAll(".tm-badge")) {
    const circle = mark.querySelector("circle");
    const [x, y] = [+circle.getAttribute("cx"), +circle.getAttribute("cy")];
    mark.setAttribute("transform", `translate(${mapX(x) - x} ${mapY(y) - y})`);
  }
  for (const part of cluster.querySelectorAll("path, polygon, text")) {
    if (part.closest(".tm-badge")) continue;
    const key = part.localName === "path" ? "d" : "points";
    part.was = part.was || part.getAttribute(key) || [+part.getAttribute("x"), +part.getAttribute("y")];
    if (part.localName === "text") {
      const [x, y] = part.was;
      part.setAttribute("transform", `translate(${mapX(x) - x} ${mapY(y) - y})`);
    } else {
      const put = (_, x, y) => `${mapX(+x)},${mapY(+y)}`;
      part.setAttribute(key, part.was.replace(/(-?[\d.]+),(-?[\d.]+)/g, put));
    }
  }
}
