// Step by step: values appear as they were computed, then gradients on the way back.
function steps(shown) {
  const { forward, backward } = shown.data;
  const last = forward.length + backward.length;
  shown.last = last;
  shown.turn = new Map(forward.map((top, i) => [top, i + 1]));
  shown.back = new Map(backward.map((top, i) => [top, forward.length + i + 1]));
  for (const node of shown.nodes) node.given = given(shown, node);
  if (last < 2) return;
  const row = make("div", "tm-steps", "", shown.tools);
  const before = button("Step back", "‹", row, () => go(shown, shown.step - 1));
  before.classList.add("tm-icon");
  const slider = make("input", "", "", row);
  slider.type = "range";
  slider.max = last;
  slider.value = last;
  slider.setAttribute("aria-label", "Step of the computation");
  slider.addEventListener("input", () => go(shown, Number(slider.value)));
  button("Step forward", "›", row, () => go(shown, shown.step + 1)).classList.add("tm-icon");
  shown.slider = slider;
  shown.told = make("span", "tm-told", "", row);
  go(shown, last);
}

// The step after which the gradient of a box is complete: all that it went into were asked.
function given(shown, node) {
  if (node.facts.role === "target") return shown.data.forward.length + 1;
  const users = shown.edges.filter((edge) => edge.tail === node.top && shown.back.has(edge.head));
  return users.length ? Math.max(...users.map((edge) => shown.back.get(edge.head))) : shown.last;
}

function go(shown, step) {
  step = Math.max(0, Math.min(shown.last, step));
  shown.step = step;
  const ended = step === shown.last;
  const later = (top) => shown.turn.has(top) && shown.turn.get(top) > step;
  let now = null;
  for (const node of shown.nodes) {
    const here = !ended && (shown.turn.get(node.top) === step || shown.back.get(node.top) === step);
    if (here && !now) now = node;
    node.el.classList.toggle("tm-later", !ended && later(node.top));
    node.el.classList.toggle("tm-now", here);
    node.el.classList.toggle("tm-nograd", !ended && node.given > step);
  }
  for (const edge of shown.edges) {
    edge.el.classList.toggle("tm-later", !ended && (later(edge.head) || later(edge.tail)));
    const flows = step <= shown.data.forward.length || ["strong", "nan", "flow"].includes(edge.state);
    edge.el.classList.toggle("tm-now", Boolean(now) && edge.head === now.top && flows);
    edge.el.classList.toggle("tm-nograd", !ended && !(shown.back.get(edge.head) <= step));
  }
  shown.slider.value = step;
  const told = ended ? `${shown.last} steps` : `${step} of ${shown.last}${words(shown, now, step)}`;
  shown.told.textContent = told;
  shown.slider.setAttribute("aria-valuetext", told);
  if (now && !ended) reveal(shown, now);
}

function words(shown, node, step) {
  if (!node) return "";
  const name = node.facts.lines[0];
  if (step <= shown.data.forward.length) return ` · forward: ${name}`;
  return ` · backward: ${name} hands on its gradient`;
}
