// Mouse, finger and keys: move, zoom, point, go from box to box.
function hands(shown) {
  const { svg } = shown;
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) from = { x: event.clientX, y: event.clientY, at: [shown.x, shown.y] };
    shown.moved = false;
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!shown.moved && Math.hypot(dx, dy) < 5) return;
    if (!shown.moved) svg.setPointerCapture(event.pointerId);
    shown.moved = true;
    svg.classList.add("tm-moving");
    look(shown, from.at[0] - dx / shown.scale, from.at[1] - dy / shown.scale);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
    svg.addEventListener(name, () => {
      from = null;
      svg.classList.remove("tm-moving");
    });
  }
  svg.addEventListener("wheel", (event) => {
    // Without a key the wheel belongs to the notebook.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    const x = shown.x + (event.clientX - box.left - box.width / 2) / shown.scale;
    const y = shown.y + (event.clientY - box.top - box.height / 2) / shown.scale;
    zoom(shown, Math.exp(-event.deltaY / 300), x, y);
  }, { passive: false });
  svg.addEventListener("click", (event) => {
    if (shown.moved) return;
    const node = nodeAt(shown, event.target);
    if (node && (node.frame || event.target.closest(".tm-badge"))) toggle(shown, node);
    else if (node) pick(shown, node);
    else clear(shown);
    if (node) stand(shown, node, false);
  });
  svg.addEventListener("pointerover", (event) => point(shown, nodeAt(shown, event.target)));
  svg.addEventListener("pointerleave", () => point(shown, null));
  // Listened to from outside: a picture that listens for focus would itself get it.
  const { figure } = shown;
  figure.addEventListener("focusin", (event) => point(shown, nodeAt(shown, event.target)));
  figure.addEventListener("focusout", () => point(shown, null));
  figure.addEventListener("keydown", (event) => keys(shown, event));
}

function nodeAt(shown, target) {
  const el = target.closest && target.closest(".tm-n");
  return el ? shown.nodes.find((node) => node.el === el) : null;
}

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function keys(shown, event) {
  const node = nodeAt(shown, event.target);
  const key = event.key;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key in WAYS && node) {
    const next = beside(shown, node, WAYS[key]);
    if (next) stand(shown, next, true);
  } else if ((key === "Enter" || key === " ") && node && !node.frame) pick(shown, node);
  else if (["e", "Enter", " "].includes(key) && node && (node.facts.inside || node.frame)) toggle(shown, node);
  else if (key === "Escape") clear(shown);
  else if (key === "+" || key === "=") zoom(shown, 1.25);
  else if (key === "-") zoom(shown, 0.8);
  else if (key === "0") fit(shown);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// The nearest box in a direction.
function beside(shown, node, [wx, wy]) {
  const [x, y] = centre(shown, node);
  let best = null;
  for (const other of shown.nodes) {
    if (other === node || other.hidden) continue;
    const [ox, oy] = centre(shown, other);
    const along = (ox - x) * wx + (oy - y) * wy;
    const aside = Math.abs((ox - x) * wy) + Math.abs((oy - y) * wx);
    const cost = along + 2 * aside;
    if (along > 1 && (!best || cost < best.cost)) best = { other, cost };
  }
  return best && best.other;
}

// Only one box is in the order of the Tab key at a time.
function stand(shown, node, focus) {
  for (const other of shown.nodes) other.el.setAttribute("tabindex", "-1");
  node.el.setAttribute("tabindex", "0");
  if (focus) {
    reveal(shown, node);
    node.el.focus({ preventScroll: true });
  }
}
