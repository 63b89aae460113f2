// The inside of a folded box is laid out here: rows of boxes, each below what it was made from.
const GAP = 16;
let pen = null;

// What one graph needs: a place for each of its boxes, a line for each arrow, and its size.
function lay(shown, graph, path) {
  const down = shown.data.down;
  const boxes = graph.nodes.map((facts, i) => {
    const key = `${path}/${facts.id}`;
    const open = facts.inside && shown.opened.has(key);
    const inner = open ? lay(shown, facts.inside, key) : null;
    const size = inner ? { w: inner.w + 2 * GAP, h: inner.h + 2 * GAP + 14 } : measured(facts);
    return { facts, key, inner, i, ...size, long: down ? size.h : size.w, wide: down ? size.w : size.h };
  });
  const edges = graph.edges.filter(([tail, head]) => tail !== head);
  const rows = ranked(boxes, edges);
  let along = 0;
  for (const row of rows) {
    const depth = Math.max(...row.map((box) => box.long));
    for (const box of row) box.along = along + depth / 2;
    along += depth + 26;
  }
  straighten(rows);
  const all = rows.flat();
  const first = Math.min(...all.map((box) => box.across - box.wide / 2));
  const end = Math.max(...all.map((box) => box.across + box.wide / 2));
  for (const box of all) {
    box.x = down ? box.across - first : box.along;
    box.y = down ? box.along : box.across - first;
  }
  const [w, h] = down ? [end - first, along - 26] : [along - 26, end - first];
  return { w, h, boxes, edges: edges.map((edge) => ({ state: edge[2], way: edge.way, back: edge.back })) };
}

function measured(facts) {
  pen = pen || document.createElement("canvas").getContext("2d");
  const widths = facts.lines.map((text, i) => {
    pen.font = `${i ? "" : "600 "}${i ? 10 : 11}px Helvetica, Arial, sans-serif`;
    return pen.measureText(text).width;
  });
  return { w: Math.max(...widths) + 22, h: 13 * facts.lines.length + 9 };
}

// A few sweeps: each box wants to stand in the middle of those that it is joined to.
function straighten(rows) {
  for (const row of rows) spread(row, row.map((_, i) => i * 60));
  for (let turn = 0; turn < 8; turn++) {
    const side = turn % 2 ? "downs" : "ups";
    for (const row of turn % 2 ? [...rows].reverse() : rows) {
      const wish = new Map(row.map((box) => [box, middle(box[side], box.across)]));
      if (turn < 4) row.sort((a, b) => wish.get(a) - wish.get(b));
      spread(row, row.map((box) => wish.get(box)));
    }
  }
}

function middle(others, here) {
  if (!others.length) return here;
  return others.reduce((sum, other) => sum + other.across, 0) / others.length;
}

function spread(row, wishes) {
  let edge = -Infinity;
  let off = 0;
  row.forEach((box, i) => {
    box.across = Math.max(wishes[i], edge + GAP + box.wide / 2);
    edge = box.across + box.wide / 2;
    off += wishes[i] - box.across;
  });
  for (const box of row) box.across += off / row.length;
}
