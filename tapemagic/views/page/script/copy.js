// Copy buttons beside each fix.
function copies(root) {
  for (const diff of root.querySelectorAll("[data-fix]")) {
    const row = make("span", "tm-copy", "", diff);
    const told = make("span", "tm-status", "");
    told.setAttribute("role", "status");
    button("Copy the mended cell", "Copy the mended cell", row, () => {
      toClipboard(diff.dataset.fix).then(
        () => (told.textContent = "Copied."),
        () => (told.textContent = "This page may not copy; select the text instead."),
      );
    });
    row.firstChild.setAttribute(...OURS);
    row.append(told);
  }
}

function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => byHand(text));
  return byHand(text);
}

// Frames without the right to the clipboard may still copy what is selected.
function byHand(text) {
  const field = make("textarea", "", "", document.body);
  field.value = text;
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done ? Promise.resolve() : Promise.reject(new Error("not allowed"));
}
