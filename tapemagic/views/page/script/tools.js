// The row of tools above the picture: search, zoom, open, save.
function button(label, text, parent, act) {
  const made = make("button", "tm-button", text, parent);
  made.type = "button";
  if (label !== text) {
    made.title = label;
    made.setAttribute("aria-label", label);
  }
  made.addEventListener("click", act);
  return made;
}

function tools(shown) {
  const row = shown.tools;
  const field = make("input", "tm-search", "", row);
  field.type = "search";
  field.placeholder = "Search";
  field.setAttribute("aria-label", "Search the diagram");
  field.addEventListener("input", () => search(shown, field.value, false));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") search(shown, field.value, true);
    else if (event.key === "Escape") search(shown, (field.value = ""), false);
    else return;
    event.preventDefault();
  });
  const icons = make("span", "tm-icons", "", row);
  button("Zoom out", "−", icons, () => zoom(shown, 0.8)).classList.add("tm-icon");
  button("Zoom in", "+", icons, () => zoom(shown, 1.25)).classList.add("tm-icon");
  button("Fit the whole diagram", "Fit", row, () => fit(shown));
  if (shown.data.nodes.some((facts) => facts.inside)) {
    shown.all = button("Open all", "Open all", row, () => openAll(shown, !shown.opened.size));
  }
  button("Save the diagram as SVG", "SVG", row, () => save(shown, "svg"));
  button("Save the diagram as PNG", "PNG", row, () => save(shown, "png"));
}

// What is found stays bright; Enter goes from one to the next.
function search(shown, wanted, next) {
  const text = wanted.trim().toLowerCase();
  clear(shown);
  if (!text) return;
  const found = shown.nodes.filter((node) => !node.hidden && holds(node.facts, text));
  for (const node of found) node.el.classList.add("tm-found", "tm-on");
  shown.svg.classList.add("tm-picked");
  shown.hit = next && found.length ? ((shown.hit === undefined ? -1 : shown.hit) + 1) % found.length : undefined;
  if (shown.hit !== undefined) {
    reveal(shown, found[shown.hit]);
    found[shown.hit].el.classList.add("tm-chosen");
  }
  const many = found.length === 1 ? "1 box" : `${found.length} boxes`;
  say(shown, shown.hit === undefined ? many : `${shown.hit + 1} of ${many}`);
}

function holds(facts, text) {
  const own = [...facts.lines, ...(facts.rows || []).map((row) => row[1])];
  if (own.some((line) => line.toLowerCase().includes(text))) return true;
  return Boolean(facts.inside) && facts.inside.nodes.some((inner) => holds(inner, text));
}
