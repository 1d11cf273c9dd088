// The page draws a timeline when its experiment is first opened: a run has a hundred of them.

for (const experiment of document.querySelectorAll(".experiment")) {
  const figure = experiment.querySelector(".timeline");
  if (!figure) continue;
  experiment.addEventListener("toggle", () => {
    if (experiment.open) figure.timeline ??= new Timeline(figure);
  });
}

// follow opens the experiment that the address names.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.classList.contains("experiment")) return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

addEventListener("hashchange", follow);
follow();
const all = document.querySelectorAll(".experiment");
if (all.length === 1) all[0].open = true;
