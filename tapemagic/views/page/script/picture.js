// The still picture of the page becomes elements that can be asked. Only the elements and
// attributes named here are made anew; whatever else a picture might hold is left behind.
const SVG = "http://www.w3.org/2000/svg";
const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray"];
const KEPT = {
  g: ["class", "transform"],
  path: ["d", ...PAINT],
  polygon: ["points", ...PAINT],
  polyline: ["points", ...PAINT],
  ellipse: ["cx", "cy", "rx", "ry", ...PAINT],
  rect: ["x", "y", "width", "height", "rx", ...PAINT],
  text: ["x", "y", "text-anchor", "font-size", "fill"],
};

function draw(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (parent) parent.append(made);
  return made;
}

function make(name, cls, text, parent) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (text) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// The text of the picture, out of its data address.
function decoded(image) {
  const data = image.getAttribute("src").split("base64,")[1];
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

// A copy of one element and what is in it; byId collects the elements that had an id.
function copied(from, parent, byId) {
  const name = from.localName === "a" ? "g" : from.localName;
  if (!(name in KEPT)) return;
  const made = draw(name, {}, parent);
  if (from.localName === "g" && from.id) byId.set(from.id, made);
  for (const key of KEPT[name]) {
    if (from.hasAttribute(key)) made.setAttribute(key, from.getAttribute(key));
  }
  if (name === "text") made.textContent = from.textContent;
  else for (const child of from.children) copied(child, made, byId);
}

// Where a box stands, from the numbers of its shape: also known while nothing is on screen.
function outline(element) {
  const shape = element.querySelector("path, polygon, ellipse");
  const text = element.querySelectorAll("text");
  if (shape && shape.localName === "ellipse") {
    const [x, y, w, h] = ["cx", "cy", "rx", "ry"].map((key) => +shape.getAttribute(key));
    return { x0: x - w, x1: x + w, y0: y - h, y1: y + h };
  }
  let all = shape ? numbers(shape.getAttribute("d") || shape.getAttribute("points")) : [];
  for (const line of shape ? [] : text) {
    const [x, y] = [+line.getAttribute("x"), +line.getAttribute("y")];
    all = all.concat([x - 40, y - 10, x + 40, y + 4]);
  }
  const xs = all.filter((_, i) => i % 2 === 0);
  const ys = all.filter((_, i) => i % 2 === 1);
  return {
    x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys),
  };
}

function numbers(text) {
  return (text.match(/-?[\d.]+(?:e-?\d+)?/g) || []).map(Number);
}
