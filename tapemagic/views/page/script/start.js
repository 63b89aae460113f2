// Every output on the page is made live once; where something fails, the still picture stays.
function upgrade(root) {
  if (root.dataset.live) return;
  root.dataset.live = "yes";
  copies(root);
  for (const box of root.querySelectorAll(".tm-diagram")) {
    const known = box.querySelector("script.tm-known");
    const figure = box.querySelector(".tm-figure");
    if (!known || !figure || !figure.querySelector("img")) continue;
    try {
      enliven(root, figure, JSON.parse(known.textContent));
    } catch (error) {
      figure.classList.remove("tm-lively");
      for (const part of box.querySelectorAll(".tm-tray, .tm-live, .tm-panel")) part.remove();
      console.warn("tapemagic: the diagram stays a picture", error);
    }
  }
}

function enliven(root, figure, data) {
  const shown = scene(figure, data);
  const tray = make("div", "tm-tray");
  shown.tools = make("div", "tm-tools", "", tray);
  shown.tools.setAttribute("role", "toolbar");
  shown.tools.setAttribute("aria-label", "Diagram");
  tools(shown);
  shown.status = make("p", "tm-status", "", null);
  shown.status.setAttribute("role", "status");
  shown.panel = make("div", "tm-panel");
  shown.panel.hidden = true;
  lines(shown, root);
  hands(shown);
  steps(shown);
  figure.classList.add("tm-lively");
  figure.removeAttribute("tabindex");
  for (const one of tray.querySelectorAll("button, input")) one.setAttribute(...OURS);
  figure.before(tray);
  figure.append(shown.svg, shown.panel);
  figure.after(shown.status);
  const first = shown.nodes.find((node) => node.facts.role === "source") || shown.nodes[0];
  stand(shown, first, false);
  begin(shown);
  let width = figure.clientWidth;
  new ResizeObserver(() => {
    if (figure.clientWidth === width) return;
    width = figure.clientWidth;
    begin(shown);
  }).observe(figure);
}

const mine = document.currentScript && document.currentScript.closest(".tapemagic");
for (const root of mine ? [mine] : document.querySelectorAll("div.tapemagic")) upgrade(root);
