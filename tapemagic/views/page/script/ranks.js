// Arrows that lead back, as in a folded loop, are taken the other way round for the rows.
function forward(count, edges) {
  const out = Array.from({ length: count }, () => []);
  for (const edge of edges) out[edge[0]].push(edge);
  const state = new Array(count).fill(0);
  const back = new Set();
  const visit = (box) => {
    state[box] = 1;
    for (const edge of out[box]) {
      if (state[edge[1]] === 1) back.add(edge);
      else if (!state[edge[1]]) visit(edge[1]);
    }
    state[box] = 2;
  };
  for (let box = 0; box < count; box++) if (!state[box]) visit(box);
  return edges.map((edge) => (back.has(edge) ? [edge[1], edge[0]] : [edge[0], edge[1]]));
}

// Rows by the longest way to each box; what nothing leads to stands just above its first use.
// An arrow over several rows gets a waypoint in each.
function ranked(boxes, edges) {
  const rank = boxes.map(() => 0);
  const ends = forward(boxes.length, edges);
  for (let moved = true; moved; ) {
    moved = false;
    for (const [tail, head] of ends) {
      if (rank[head] > rank[tail]) continue;
      rank[head] = rank[tail] + 1;
      moved = true;
    }
  }
  const heads = new Set(ends.map(([, head]) => head));
  boxes.forEach((_, i) => {
    const uses = ends.filter(([tail]) => tail === i).map(([, head]) => rank[head]);
    if (!heads.has(i) && uses.length) rank[i] = Math.min(...uses) - 1;
  });
  const rows = [];
  const put = (box, row) => (rows[row] = rows[row] || []).push(box);
  boxes.forEach((box, i) => {
    box.ups = [];
    box.downs = [];
    put(box, rank[i]);
  });
  edges.forEach((edge, i) => {
    const [tail, head] = ends[i];
    edge.back = tail !== edge[0];
    edge.way = [boxes[tail]];
    for (let row = rank[tail] + 1; row < rank[head]; row++) {
      const point = { w: 6, h: 6, long: 0, wide: 6, ups: [], downs: [] };
      put(point, row);
      edge.way.push(point);
    }
    edge.way.push(boxes[head]);
    for (let i = 1; i < edge.way.length; i++) {
      edge.way[i - 1].downs.push(edge.way[i]);
      edge.way[i].ups.push(edge.way[i - 1]);
    }
  });
  return rows.filter(Boolean);
}
