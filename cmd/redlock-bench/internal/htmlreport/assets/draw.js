// What a timeline looks like: lanes from top to bottom, each with its rows, and items in them.
// Items are made once; placing them anew is all that zooming takes.

const ROW = 18, LANE_GAP = 9, AXIS = 24, COLOURS = 6, LETTER = 6.3, EVENT = 17;
const WHOLE_LANE = -1;

// The parts of a row that the kinds of items fill, as [top, height].
const THIN = { granted: [5, 8], refused: [5, 8], open: [5, 8], cut: [9, 0], slow: [9, 0], clock: [9, 0] };

function element(parent, name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

// hatching defines the fill of what stands still, under an id that's the page's own.
function hatching(svg, id) {
  const pattern = element(element(svg, "defs"), "pattern",
    { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  element(pattern, "line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: "var(--hatch)", "stroke-width": 2, opacity: 0.55 });
}

// layOut gives each lane its place and returns the height of all.
function layOut(lanes) {
  let y = AXIS;
  for (const lane of lanes) {
    lane.top = y + LANE_GAP / 2;
    lane.height = (lane.depth ?? lane.rows.length) * ROW;
    y += lane.height + LANE_GAP;
  }
  return y;
}

// stack gives each event a row in which it covers none before it, as far as there are rows, and
// returns how many it took.
function stack(events, scale, most) {
  const ends = [];
  for (const item of events.items) {
    const x = scale(item.s);
    const free = ends.findIndex((end) => end <= x);
    item.r = free >= 0 ? free : Math.min(ends.length, most - 1);
    ends[item.r] = x + EVENT;
  }
  return Math.max(1, ends.length);
}

function drawGutter(svg, lanes, width, gutter) {
  for (const lane of lanes) {
    const line = lane.top - LANE_GAP / 2;
    element(svg, "line", { class: "lane-line", x1: 0, x2: width, y1: line, y2: line });
    element(svg, "text", { class: "lane-name", x: 0, y: lane.top + 13 }, lane.kind === "node" ? "node " + lane.name : lane.name);
    lane.rows.forEach((row, i) => element(svg, "text",
      { class: "row-name", x: gutter - 8, y: lane.top + i * ROW + 13, "text-anchor": "end" }, row));
  }
}

function describe(item) {
  if (item.e === undefined) return `${exact(item.s)}: ${item.t}`;
  return `${exact(item.s)} to ${exact(item.e)} (${lasting(item.e - item.s)}): ${item.t}`;
}

// makeItem returns the item's group, with what it takes to place it.
function makeItem(parent, lane, item, hatch) {
  const kind = item.k.split(" ")[0];
  const colour = item.c ? ((item.c - 1) % COLOURS) + 1 : 0;
  const group = element(parent, "g", { class: `item ${item.k} c${colour}`, tabindex: 0, role: "img", "aria-label": describe(item) });
  const shape = item.e === undefined ? mark(group, kind) : element(group, "rect", { class: "shape" });
  if (kind === "stopped" || kind === "down") shape.setAttribute("style", `fill: url(#${hatch})`);
  const label = item.l ? element(group, "text", { class: "label" }, item.l) : null;
  return { item, kind, lane, group, shape, label };
}

// mark draws an instant around the origin.
function mark(group, kind) {
  switch (kind) {
    case "taken":
      return element(group, "circle", { class: "shape", r: 5 });
    case "turned":
      return element(group, "path", { class: "shape", d: "M-4.5-4.5 4.5 4.5M4.5-4.5-4.5 4.5" });
  }
  return element(group, "path", { class: "shape", d: "M-8-8h16v12h-5l-3 4-3-4h-5z" });
}

// place puts an item where it belongs in the view, or hides it. visible is [left, right].
function place(made, scale, [left, right]) {
  const { item, kind, lane, group } = made;
  const from = scale(item.s), to = item.e === undefined ? from : scale(item.e);
  const reach = item.e === undefined ? 8 : 0;
  const hidden = to + reach < left || from - reach > right;
  group.style.display = hidden ? "none" : "";
  if (hidden) return;
  const top = lane.top + (item.r === WHOLE_LANE ? 0 : item.r * ROW);
  if (item.e === undefined) placeMark(made, from, top);
  else placeSpan(made, Math.max(from, left - 4), Math.min(to, right + 4), top, kind, left);
}

function placeMark({ kind, label, shape }, x, top) {
  shape.setAttribute("transform", `translate(${x} ${top + ROW / 2})`);
  if (!label) return;
  const beside = kind === "taken" || kind === "turned";
  label.setAttribute("x", beside ? x + 9 : x);
  label.setAttribute("y", top + (beside ? 13 : 11));
  label.setAttribute("text-anchor", beside ? "start" : "middle");
}

function placeSpan({ item, lane, shape, label }, from, to, top, kind, left) {
  const [offset, height] = item.r === WHOLE_LANE ? [-2, lane.height + 4] : THIN[kind] ?? [2, 14];
  const width = Math.max(to - from, 2); // or nobody would see it
  shape.setAttribute("x", from);
  shape.setAttribute("y", top + offset);
  shape.setAttribute("width", width);
  shape.setAttribute("height", height || 0.01);
  if (!label) return;
  const start = Math.max(from, left) + 5;
  const room = to - start - 3;
  const needed = item.l.length * LETTER;
  const thin = height > 0 && height < 12;
  label.style.display = room >= needed && !thin ? "" : "none";
  label.setAttribute("x", start);
  label.setAttribute("y", top + 13);
}
