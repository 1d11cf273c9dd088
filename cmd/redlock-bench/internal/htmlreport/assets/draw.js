// What a timeline looks like: lanes from top to bottom, each with its rows, and items in them.
// Items are made once; placing them anew is all that zooming takes.

const ROW = 18, LANE_GAP = 9, AXIS = 24, FOOT = 15, COLOURS = 6, LETTER = 6.3, EVENT = 17;

// What looks different from a plain bar.
const THIN = new Set(["granted", "refused", "open"]), LINES = new Set(["cut", "slow", "clock", "list"]);

// row is the place of an item's row in its lane; the first one isn't written.
const row = (item) => item.r ?? 0;

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
    element(svg, "text", { class: "lane-name", x: 0, y: lane.top + 13 }, lane.name);
    lane.rows.forEach((row, i) => element(svg, "text",
      { class: "row-name", x: gutter - 8, y: lane.top + i * ROW + 13, "text-anchor": "end" }, row));
  }
}

function describe(item, texts) {
  const text = texts[item.t];
  if (item.e === undefined) return `${exact(item.s)}: ${text}`;
  return `${exact(item.s)} to ${exact(item.e)} (${lasting(item.e - item.s)}): ${text}`;
}

// makeItems makes the items of all lanes. A mark knows the next one in its row, whose place its
// label must leave free.
function makeItems(parent, { lanes, texts }, hatch) {
  return lanes.flatMap((lane) => lane.items.map((item, i) => {
    const made = makeItem(parent, lane, item, describe(item, texts), hatch);
    if (item.e === undefined) made.next = lane.items.slice(i + 1).find((other) => row(other) === row(item));
    return made;
  }));
}

// makeItem returns the item's group, with what it takes to place it.
function makeItem(parent, lane, item, text, hatch) {
  const kind = item.k.split(" ")[0];
  const colour = item.c ? ((item.c - 1) % COLOURS) + 1 : 0;
  const group = element(parent, "g", { class: `item ${item.k} c${colour}`, tabindex: 0, role: "img", "aria-label": text });
  const shape = item.e === undefined ? mark(group, kind) : element(group, LINES.has(kind) ? "path" : "rect", { class: "shape" });
  if (kind === "still") shape.setAttribute("style", `fill: url(#${hatch})`);
  const label = item.l ? element(group, "text", { class: "label" }, item.l) : null;
  return { item, text, kind, lane, group, shape, label };
}

// mark draws an instant around the origin.
function mark(group, kind) {
  switch (kind) {
    case "taken":
      return element(group, "circle", { class: "shape", r: 5 });
    case "turned":
      return element(group, "path", { class: "shape", d: "M-4.5-4.5 4.5 4.5M4.5-4.5-4.5 4.5" });
    case "moment":
      return element(group, "path", { class: "shape", d: "M-6-6h12l-6 11z" });
  }
  return element(group, "path", { class: "shape", d: "M-8-8h16v12h-5l-3 4-3-4h-5z" });
}

// place puts an item where it belongs in the view, or hides it. visible is [left, right].
function place(made, scale, [left, right]) {
  const { item, lane, group } = made;
  const from = scale(item.s), to = item.e === undefined ? from : scale(item.e);
  const reach = item.e === undefined ? 8 : 0;
  const hidden = to + reach < left || from - reach > right;
  group.style.display = hidden ? "none" : "";
  if (hidden) return;
  const top = lane.top + row(item) * ROW;
  if (item.e === undefined) placeMark(made, from, top, Math.min(right + 15, made.next ? scale(made.next.s) : Infinity), [left, right]);
  else placeSpan(made, Math.max(from, left - 4), Math.min(to, right + 4), top, left);
}

function placeMark({ item, kind, label, shape }, x, top, next, [left, right]) {
  shape.setAttribute("transform", `translate(${x} ${top + ROW / 2})`);
  if (!label) return;
  if (kind === "moment") { // there's one, with much to say
    const beside = besideMoment(x, left, right);
    label.setAttribute("text-anchor", beside.anchor);
    setLines(label, wrapped(item.l, beside.room, widths(label)), beside.x, top + 13);
    return;
  }
  const beside = kind === "taken" || kind === "turned";
  label.setAttribute("x", beside ? x + 9 : x);
  label.setAttribute("y", top + (beside ? 13 : 11));
  label.setAttribute("text-anchor", beside ? "start" : "middle");
  label.style.display = beside && x + item.l.length * LETTER + 15 > next ? "none" : "";
}

// besideMoment returns where the label of a moment goes: to the side with more room.
function besideMoment(x, left, right) {
  const before = x - left > right - x;
  return { anchor: before ? "end" : "start", x: before ? x - 10 : x + 10, room: (before ? x - left : right - x) - 7 };
}

// widths returns what measures a text in the label's letters.
function widths(label) {
  return (text) => {
    label.textContent = text;
    return label.getComputedTextLength();
  };
}

// wrapped breaks a text into lines that are no wider than the room, as far as its words allow.
function wrapped(text, room, width) {
  if (width(text) <= room) return [text];
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && width(longer) <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

// setLines writes lines below each other, a row's height apart.
function setLines(label, lines, x, y) {
  label.setAttribute("x", x);
  label.setAttribute("y", y);
  label.replaceChildren();
  lines.forEach((line, i) => {
    if (i === 0) label.append(line);
    else element(label, "tspan", { x, dy: ROW }, line);
    if (i < lines.length - 1) label.append(" "); // for those who don't see the lines
  });
}

// spread gives each lane with a moment as many rows as its label has lines.
function spread(svg, lanes, scale, left, right) {
  for (const lane of lanes) {
    const moments = lane.items.filter((item) => item.k === "moment" && item.l);
    if (moments.length === 0) continue;
    const group = element(svg, "g", { class: "item moment" });
    const width = widths(element(group, "text", { class: "label" }));
    lane.depth = Math.max(...moments.map((item) => wrapped(item.l, besideMoment(scale(item.s), left, right).room, width).length));
    group.remove();
  }
}

function placeSpan({ item, kind, shape, label }, from, to, top, left) {
  const width = Math.max(to - from, 2); // or nobody would see it
  if (LINES.has(kind)) {
    shape.setAttribute("d", `M${from} ${top + ROW / 2}h${width}`);
  } else {
    const height = THIN.has(kind) ? 8 : 14;
    shape.setAttribute("x", from);
    shape.setAttribute("y", top + (ROW - height) / 2);
    shape.setAttribute("width", width);
    shape.setAttribute("height", height);
  }
  if (!label) return;
  const start = Math.max(from, left) + 5;
  label.style.display = to - start - 3 >= item.l.length * LETTER ? "" : "none";
  label.setAttribute("x", start);
  label.setAttribute("y", top + 13);
}
