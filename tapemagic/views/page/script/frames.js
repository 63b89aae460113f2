const LINES = { strong: ["#1f2328", 1.8], nan: ["#a23b7d", 2.4, "1 4"] };

// The frame of an open box, with what is inside.
function frame(shown, { node, inner }) {
  const { x0, x1, y0, y1 } = node.now;
  const g = draw("g", { class: "tm-frame" }, shown.graph);
  border(shown, g, node, node.now, node.facts.id);
  const left = (x0 + x1 - inner.w) / 2;
  const top = (y0 + y1 - inner.h + 14) / 2;
  fill(shown, g, inner, left, top, node.top);
}

function border(shown, g, node, at, key) {
  const el = draw("g", { class: "tm-opened" }, g);
  const [w, h] = [at.x1 - at.x0, at.y1 - at.y0];
  draw("rect", { x: at.x0, y: at.y0, width: w, height: h, rx: 8 }, el);
  const label = draw("text", { x: at.x0 + 12, y: at.y0 + 15, "font-size": 11 }, el);
  label.textContent = node.facts.lines[0];
  const made = entry(shown, node.facts, el, at, node.top);
  el.setAttribute("aria-expanded", "true");
  el.querySelector(".tm-badge path").setAttribute("d", `M${at.x1 - 4},${at.y0 + 1}h6`);
  made.key = key;
  shown.nodes.push(made);
}

function fill(shown, g, inner, left, top, home) {
  for (const edge of inner.edges) {
    const [color, width, dashes] = LINES[edge.state] || ["#afb8c1", 1];
    const el = draw("g", { class: "tm-e" }, g);
    const d = wayOf(shown, edge.way, left, top);
    const line = { d, fill: "none", stroke: color, "stroke-width": width };
    draw("path", { ...line, "stroke-dasharray": dashes || "none" }, el);
    const points = tip(shown, edge, left, top);
    draw("polygon", { points, fill: color, stroke: color }, el);
  }
  for (const box of inner.boxes) {
    const at = {
      x0: left + box.x - box.w / 2, x1: left + box.x + box.w / 2,
      y0: top + box.y - box.h / 2, y1: top + box.y + box.h / 2,
    };
    if (box.inner) {
      border(shown, g, box, at, box.key);
      fill(shown, g, box.inner, at.x0 + GAP, at.y0 + GAP + 14, home);
      continue;
    }
    const el = draw("g", {}, g);
    const [stroke, paper, ink, pen, style] = shown.data.styles[box.facts.style];
    const rect = draw("rect", {
      x: at.x0, y: at.y0, width: box.w, height: box.h, rx: 6,
      fill: paper || "none", stroke: stroke || "none", "stroke-width": pen || 1,
    }, el);
    if (style.includes("dashed")) rect.setAttribute("stroke-dasharray", "5,2");
    box.facts.lines.forEach((text, i) => {
      const y = at.y0 + 15 + 13 * i;
      const line = { x: (at.x0 + at.x1) / 2, y, "text-anchor": "middle", fill: ink };
      line["font-size"] = i ? 10 : 11;
      draw("text", line, el).textContent = text;
    });
    const made = entry(shown, box.facts, el, at, home);
    made.key = box.key;
    shown.nodes.push(made);
  }
}

function tip(shown, edge, left, top) {
  const down = shown.data.down;
  const box = edge.way[edge.back ? 0 : edge.way.length - 1];
  const [along, to] = edge.back ? [box.long / 2, 5] : [-box.long / 2, -5];
  const [x, y] = down ? [left + box.x, top + box.y + along] : [left + box.x + along, top + box.y];
  const sides = down ? [[-2.5, to], [2.5, to]] : [[to, -2.5], [to, 2.5]];
  return [[0, 0], ...sides].map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ");
}

// A smooth line through waypoints, from the border of a box to the border of the next one.
function wayOf(shown, way, left, top) {
  const down = shown.data.down;
  const spot = (box, side) => {
    const along = side * box.long / 2;
    return down ? [left + box.x, top + box.y + along] : [left + box.x + along, top + box.y];
  };
  let d = "";
  for (let i = 1; i < way.length; i++) {
    const [x, y] = spot(way[i - 1], 1);
    const [tx, ty] = spot(way[i], -1);
    const [mx, my] = [(x + tx) / 2, (y + ty) / 2];
    d += i === 1 ? `M${x},${y}` : `L${x},${y}`;
    d += down ? `C${x},${my} ${tx},${my} ${tx},${ty}` : `C${mx},${y} ${mx},${ty} ${tx},${ty}`;
  }
  return d;
}
