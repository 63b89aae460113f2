// What lights up: the box that is pointed at with its facts and its line, and whole paths.
function point(shown, node) {
  if (node === shown.pointed) return;
  const before = shown.pointed;
  shown.pointed = node;
  if (before) light(shown, before, false);
  if (node) light(shown, node, true);
  facts(shown, node);
}

function light(shown, node, on) {
  node.el.classList.toggle("tm-lit", on);
  if (node.frame) return;
  for (const edge of shown.edges) {
    if (edge.tail === node.top || edge.head === node.top) edge.el.classList.toggle("tm-lit", on);
  }
  for (const line of node.lines) {
    for (const code of shown.code.get(line) || []) code.classList.toggle("tm-lit", on);
  }
}

// The other way round: a line of code lights its boxes.
function lines(shown, root) {
  shown.code = new Map();
  for (const code of root.querySelectorAll("[data-line]")) {
    const line = Number(code.dataset.line);
    if (!shown.code.has(line)) shown.code.set(line, []);
    shown.code.get(line).push(code);
    const lit = (on) => {
      const found = shown.nodes.filter((node) => node.lines.includes(line));
      for (const node of found) node.el.classList.toggle("tm-lit", on);
      shown.svg.classList.toggle("tm-hush", on && found.length > 0);
      code.classList.toggle("tm-lit", on && found.length > 0);
    };
    code.addEventListener("pointerenter", () => lit(true));
    code.addEventListener("pointerleave", () => lit(false));
  }
}

function facts(shown, node) {
  const panel = shown.panel;
  panel.hidden = !node || node.frame || node.el.classList.contains("tm-opened");
  panel.textContent = "";
  if (panel.hidden) return;
  make("b", "", node.facts.lines[0], panel);
  const list = make("dl", "", "", panel);
  for (const [word, text] of node.facts.rows || []) {
    make("dt", "", word, list);
    make("dd", word === "code" || word === "value" ? "tm-mono" : "", text, list);
  }
  if (node.facts.inside) {
    make("dt", "", "inside", list);
    const count = node.facts.inside.nodes.length;
    make("dd", "", `${count} boxes; the plus sign, or E, opens it`, list);
  }
  const box = node.el.getBoundingClientRect();
  const home = shown.figure.getBoundingClientRect();
  const left = Math.min(box.left - home.left, home.width - panel.offsetWidth - 4);
  const below = box.bottom - home.top + 8;
  const above = box.top - home.top - panel.offsetHeight - 8;
  const low = box.bottom + panel.offsetHeight + 12 > innerHeight;
  panel.style.left = `${Math.max(4, left)}px`;
  panel.style.top = `${low && above > -home.top ? above : below}px`;
}

// All paths through a box: down to the targets that it reaches, and up to where it came from.
function pick(shown, node) {
  if (shown.picked === node) return clear(shown);
  clear(shown);
  shown.picked = node;
  const up = reach(shown, node.top, "head", "tail");
  let down = reach(shown, node.top, "tail", "head");
  const ends = shown.nodes.filter((one) => one.facts.role === "target" && down.has(one.top));
  if (ends.length) {
    const back = ends.map((one) => reach(shown, one.top, "head", "tail"));
    down = new Set([...down].filter((top) => back.some((set) => set.has(top))));
  }
  const on = (tops) => shown.nodes.filter((one) => !one.key && tops.has(one.top)).length;
  for (const one of shown.nodes) {
    one.el.classList.toggle("tm-on", up.has(one.top) || down.has(one.top));
  }
  for (const edge of shown.edges) {
    const whole = (set) => set.has(edge.tail) && set.has(edge.head);
    edge.el.classList.toggle("tm-on", whole(up) || whole(down));
  }
  node.el.classList.add("tm-chosen");
  node.el.setAttribute("aria-pressed", "true");
  shown.svg.classList.add("tm-picked");
  const told = [];
  if (up.size > 1) told.push(`made from ${on(up) - 1}`);
  if (down.size > 1) told.push(`goes into ${on(down) - 1}`);
  say(shown, `${node.facts.lines[0]}: ${told.join(", ") || "joined to nothing"}. Escape clears.`);
}

function reach(shown, start, here, there) {
  const found = new Set([start]);
  const todo = [start];
  while (todo.length) {
    const top = todo.pop();
    for (const edge of shown.edges) {
      if (edge[here] !== top || found.has(edge[there])) continue;
      found.add(edge[there]);
      todo.push(edge[there]);
    }
  }
  return found;
}

function clear(shown) {
  shown.picked = null;
  shown.svg.classList.remove("tm-picked", "tm-hush");
  for (const one of [...shown.nodes, ...shown.edges]) {
    one.el.classList.remove("tm-on", "tm-chosen", "tm-found");
    if (one.facts) one.el.removeAttribute("aria-pressed");
  }
  say(shown, "");
}

function say(shown, text) {
  shown.status.textContent = text;
}
