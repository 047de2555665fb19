"use strict";
// Comfort only: the page says everything without it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.previousElementSibling.textContent;
    const word = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
    }
    setTimeout(() => { button.textContent = word; }, 1500);
  });
}
const tools = document.getElementById("levels");
if (tools) {
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const chosen = event.target.dataset.level;
    if (chosen === undefined) return;
    for (const button of tools.children) {
      button.setAttribute("aria-pressed", String(button === event.target));
    }
    for (const finding of document.querySelectorAll(".finding")) {
      finding.hidden = chosen !== "" && finding.dataset.level !== chosen;
    }
  });
}
const closed = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open], .twin)")) {
    closed.push(details);
    details.open = true;
  }
});
addEventListener("afterprint", () => {
  while (closed.length) closed.pop().open = false;
});
