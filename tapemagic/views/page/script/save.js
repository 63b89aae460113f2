// As it is on paper: without what is dimmed or lit, in the light colours, with its fonts.
function standing(shown) {
  if (!shown.opened.size && !shown.closed.size) return shown.text;
  const { w, h } = shown.size;
  const copy = shown.svg.cloneNode(true);
  copy.removeAttribute("style");
  copy.setAttribute("viewBox", `0 0 ${w} ${h}`);
  copy.setAttribute("width", Math.round(w * NATURAL));
  copy.setAttribute("height", Math.round(h * NATURAL));
  for (const badge of copy.querySelectorAll(".tm-badge")) badge.remove();
  for (const text of copy.querySelectorAll("text")) text.setAttribute("font-family", "Helvetica, Arial");
  for (const rect of copy.querySelectorAll(".tm-opened > rect, .tm-closed > rect")) {
    rect.setAttribute("fill", "#f3f5f8");
    rect.setAttribute("stroke", "#afb8c1");
  }
  const style = draw("style", {});
  style.textContent = shown.style;
  copy.prepend(style);
  return new XMLSerializer().serializeToString(copy);
}

function save(shown, form) {
  const text = standing(shown);
  const file = new Blob([text], { type: "image/svg+xml" });
  if (form === "svg") return download(file, "tape.svg");
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    const [w, h] = [shown.size.w * NATURAL, shown.size.h * NATURAL];
    const sharp = Math.max(0.2, Math.min(2, 16000 / w, 16000 / h));
    [canvas.width, canvas.height] = [w * sharp, h * sharp];
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((made) => download(made, "tape.png"), "image/png");
  };
  image.onerror = () => say(shown, "This page does not let the picture be saved as PNG.");
  const bytes = new TextEncoder().encode(text);
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  image.src = `data:image/svg+xml;base64,${btoa(letters)}`;
}

function download(file, name) {
  const link = make("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
