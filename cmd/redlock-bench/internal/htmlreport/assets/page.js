// The page draws a timeline when it comes near the window, because a run has a hundred of them. Each has its
// height from the start, so that nothing moves when it's drawn.

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) entry.target.timeline.draw();
}, { rootMargin: "600px 0px" });

for (const figure of document.querySelectorAll(".timeline")) {
  figure.timeline = new Timeline(figure);
  near.observe(figure);
}

// On paper everything is to be seen, and nothing can be opened.
const closed = [];
addEventListener("beforeprint", () => {
  for (const figure of document.querySelectorAll(".timeline")) figure.timeline.draw();
  for (const details of document.querySelectorAll("details:not([open])")) closed.push(details);
  for (const details of closed) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of closed.splice(0)) details.open = false;
});

// A table says so if there is more of it than can be seen.
const fit = new ResizeObserver((entries) => {
  for (const { target } of entries) target.classList.toggle("wide", target.scrollWidth > target.clientWidth + 1);
});
for (const table of document.querySelectorAll(".scroll")) fit.observe(table);

// follow goes to the experiment that the address names: what's above it has its height only now.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.classList.contains("experiment")) return;
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

addEventListener("hashchange", follow);
follow();
// What can be seen is there at once; the observer tells of it later.
for (const figure of document.querySelectorAll(".timeline")) {
  const { top, bottom } = figure.getBoundingClientRect();
  if (top < innerHeight && bottom > 0) figure.timeline.draw();
}
