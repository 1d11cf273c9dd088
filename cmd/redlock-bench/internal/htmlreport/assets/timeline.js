// A timeline that can be zoomed and read by pointer and by keyboard.

// group is the item at which an event happened, if any.
const group = (event) => event.target.closest(".item");

class Timeline {
  constructor(figure) {
    this.figure = figure;
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.events = this.data.lanes.find((lane) => lane.kind === "events");
    this.begin = this.data.begin ?? 0;
    this.view = [this.begin, this.data.end];
    this.scale = Number(figure.dataset.scale ?? 1); // how much larger than others it is, where there's room
    this.makeTools();
    this.svg = element(figure, "svg", {
      role: "group", tabindex: 0,
      "aria-label": "Timeline. Plus and minus zoom, left and right pan, 0 shows everything, Tab goes to the items.",
    });
    this.listen();
    // A page that is narrower or wider needs another number of ticks, and other labels fit.
    new ResizeObserver(() => this.build()).observe(figure);
  }

  makeTools() {
    const tools = document.createElement("div");
    tools.className = "tools";
    this.figure.append(tools);
    const button = (text, label, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.setAttribute("aria-label", label);
      made.title = label;
      made.addEventListener("click", act);
      tools.append(made);
      return made;
    };
    this.closer = button("+", "zoom in", () => this.zoom(2));
    this.wider = button("−", "zoom out", () => this.zoom(1 / 2));
    this.whole = button("Everything", "show everything", () => this.show(this.begin, this.data.end));
    if (this.data.overlaps.length > 0) button("Overlap", "zoom to the first overlap", () => this.showAround(...this.data.overlaps[0]));
    button("Save as SVG", "save this view as a picture", () => this.save());
    button("Skip", "skip the timeline", () => this.skip()).className = "skip";
    this.range = document.createElement("span");
    this.range.className = "range";
    tools.append(this.range);
    this.readout = document.createElement("p");
    this.readout.className = "readout";
    this.readout.setAttribute("aria-live", "polite");
    this.readout.textContent = "Point at something to read its exact times.";
    this.figure.append(this.readout);
  }

  // draw makes the drawing, and from now on again for each new width.
  draw() {
    if (this.drawn) return;
    this.drawn = true;
    this.width = 0;
    this.build();
  }

  // build draws everything for the present width, or keeps the place free until it's to be drawn.
  build() {
    const room = this.figure.clientWidth;
    this.larger = room >= 480 ? this.scale : 1;
    const width = Math.round(room / this.larger);
    if (width === 0 || width === this.width) return;
    this.width = width;
    this.gutter = width < 560 ? 104 : 124;
    this.right = width - 10;
    if (this.events) this.events.depth = stack(this.events, this.scaleOf(this.begin, this.data.end), 6);
    spread(this.svg, this.data.lanes, this.scaleOf(...this.view), this.gutter, this.right);
    const lanes = layOut(this.data.lanes);
    const height = lanes + (this.data.seen < this.data.end ? 2 * FOOT : 0);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height * this.larger);
    this.svg.replaceChildren();
    if (!this.drawn) return;
    const hatch = "hatch-" + this.figure.dataset.name;
    hatching(this.svg, hatch);
    const clip = hatch + "-clip";
    element(element(this.svg.querySelector("defs"), "clipPath", { id: clip }), "rect",
      { x: this.gutter - 8, y: 0, width: this.right - this.gutter + 16, height });
    this.axis = element(this.svg, "g", { "aria-hidden": "true" });
    drawGutter(this.svg, this.data.lanes, width, this.gutter);
    const plot = element(this.svg, "g", { "clip-path": `url(#${clip})` });
    this.bands = this.data.overlaps.map((o) => ({ o, rect: element(plot, "rect", { class: "band", y: AXIS, height: lanes - AXIS }) }));
    this.seen = element(plot, "line", { class: "seen", y1: AXIS, y2: height });
    this.seenLabels = ["end of the recording", "beliefs go on until the locks’ time is up"].map((text, line) =>
      element(plot, "text", { class: "seen-name", y: height - 4 - FOOT * (1 - line) }, text));
    this.items = makeItems(plot, this.data, hatch);
    this.selection = element(plot, "rect", { class: "selection", y: AXIS, height: height - AXIS, width: 0 });
    this.cursor = element(plot, "line", { class: "cursor", y1: AXIS, y2: height, visibility: "hidden" });
    this.place();
  }

  // scaleOf returns what tells where an instant is, and time tells what instant is somewhere.
  scaleOf(from, to) {
    return (ns) => this.gutter + (ns - from) / (to - from) * (this.right - this.gutter);
  }

  time(x) {
    return this.view[0] + (x - this.gutter) / (this.right - this.gutter) * (this.view[1] - this.view[0]);
  }

  // place puts everything where it is in the present view.
  place() {
    const [from, to] = this.view;
    const scale = this.scaleOf(from, to);
    this.placeAxis(from, to, scale);
    if (this.events) stack(this.events, scale, this.events.depth);
    for (const { o, rect } of this.bands) {
      const [x, end] = [Math.max(scale(o[0]), this.gutter), Math.min(scale(o[1]), this.right)];
      rect.setAttribute("x", x);
      rect.setAttribute("width", Math.max(0, end - x));
    }
    const seen = scale(this.data.seen);
    this.seen.setAttribute("x1", seen);
    this.seen.setAttribute("x2", seen);
    this.seen.style.display = this.data.seen < this.data.end && seen >= this.gutter && seen <= this.right ? "" : "none";
    const before = seen > (this.gutter + this.right) / 2;
    for (const label of this.seenLabels) {
      label.setAttribute("x", before ? seen - 5 : seen + 5);
      label.setAttribute("text-anchor", before ? "end" : "start");
      const fits = label.textContent.length * LETTER <= (before ? seen - this.gutter : this.right - seen);
      label.style.display = fits ? this.seen.style.display : "none";
    }
    for (const made of this.items) place(made, scale, [this.gutter, this.right]);
    const all = from <= this.begin && to >= this.data.end;
    this.wider.disabled = this.whole.disabled = all;
    this.closer.disabled = to - from <= 2000;
    this.range.textContent = `${exact(from)} to ${exact(to)}`;
  }

  placeAxis(from, to, scale) {
    this.axis.replaceChildren();
    const { step, all } = ticks(from, to, (this.right - this.gutter) / 90);
    const height = this.svg.getAttribute("height");
    for (const ns of all) {
      const tick = element(this.axis, "g", { class: "tick" });
      const x = scale(ns);
      element(tick, "line", { x1: x, x2: x, y1: AXIS - 4, y2: height });
      const anchor = x > this.right - 20 ? "end" : "middle";
      element(tick, "text", { x: Math.min(x, this.right + 8), y: AXIS - 9, "text-anchor": anchor }, rounded(ns, step));
    }
  }

  // show makes a span the view, as far as there is one.
  show(from, to) {
    const length = Math.min(Math.max(to - from, 1000), this.data.end - this.begin); // not below a microsecond
    const start = Math.min(Math.max(this.begin, (from + to - length) / 2), this.data.end - length);
    this.view = [start, start + length];
    this.place();
  }

  // showAround shows a span with something of its surroundings.
  showAround(from, to) {
    const margin = Math.max((to - from) * 0.15, 5000);
    this.show(from - margin, to + margin);
  }

  zoom(factor, at = (this.view[0] + this.view[1]) / 2) {
    this.show(at - (at - this.view[0]) / factor, at + (this.view[1] - at) / factor);
  }

  pan(ns) {
    const length = this.view[1] - this.view[0];
    const start = Math.min(Math.max(this.begin, this.view[0] + ns), this.data.end - length);
    this.view = [start, start + length];
    this.place();
  }

  // skip moves the focus behind all the items.
  skip() {
    const next = this.figure.nextElementSibling;
    (next.querySelector("summary, a") ?? next).focus();
  }

  // picture is the present view as an SVG document of its own.
  picture() {
    const copy = this.svg.cloneNode(true);
    for (const hidden of copy.querySelectorAll('[style*="display: none"], .cursor, .selection')) hidden.remove();
    for (const item of copy.querySelectorAll("[tabindex]")) item.removeAttribute("tabindex");
    copy.removeAttribute("tabindex");
    copy.setAttribute("width", this.width);
    copy.setAttribute("aria-label", "Timeline of " + this.figure.dataset.name);
    copy.setAttribute("style", "background: var(--paper)");
    const style = document.createElementNS(copy.namespaceURI, "style");
    style.textContent = document.getElementById("chart-style").textContent;
    copy.prepend(style);
    return new XMLSerializer().serializeToString(copy) + "\n";
  }

  save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.picture()], { type: "image/svg+xml" }));
    link.download = this.figure.dataset.name + ".svg";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60e3); // the download may begin late
  }

  tell(group) {
    const made = group && this.items.find((i) => i.group === group);
    if (made) this.readout.textContent = made.text;
    return made;
  }

  zoomTo(group) {
    const made = this.tell(group);
    if (made) this.showAround(made.item.s, made.item.e ?? made.item.s);
  }

  listen() {
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("focusin", (event) => this.tell(group(event)));
    this.svg.addEventListener("pointerover", (event) => this.tell(group(event)));
    this.svg.addEventListener("dblclick", (event) => this.zoomTo(group(event)));
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.drop(event));
    for (const end of ["pointercancel", "pointerleave"]) this.svg.addEventListener(end, () => this.forget());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = (this.view[1] - this.view[0]) / 4;
    const act = {
      "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(1 / 2),
      ArrowLeft: () => this.pan(-step), ArrowRight: () => this.pan(step),
      0: () => this.show(this.begin, this.data.end), Home: () => this.show(this.begin, this.data.end),
      Enter: () => this.zoomTo(group(event)),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // x of an event in the drawing.
  x(event) {
    return (event.clientX - this.svg.getBoundingClientRect().left) / this.larger;
  }

  wheel(event) {
    const focused = this.svg.contains(document.activeElement);
    if (!event.ctrlKey && !event.metaKey && !focused) return; // it's the page that scrolls
    event.preventDefault();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways) this.pan(event.deltaX / 500 * (this.view[1] - this.view[0]));
    else this.zoom(Math.exp(-event.deltaY / 300), this.time(Math.max(this.x(event), this.gutter)));
  }

  // A mouse draws the span to zoom to; a finger drags the view along.
  grab(event) {
    if (event.button !== 0 || this.x(event) < this.gutter) return;
    this.drag = { from: this.x(event), view: [...this.view], selects: event.pointerType === "mouse" };
  }

  move(event) {
    const x = Math.min(Math.max(this.x(event), this.gutter), this.right);
    this.cursor.setAttribute("visibility", "visible");
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    if (!group(event)) this.readout.textContent = exact(this.time(x));
    if (!this.drag) return;
    if (this.drag.selects) {
      this.selection.setAttribute("x", Math.min(x, this.drag.from));
      this.selection.setAttribute("width", Math.abs(x - this.drag.from));
      return;
    }
    const moved = (this.drag.from - x) / (this.right - this.gutter) * (this.view[1] - this.view[0]);
    this.view = [...this.drag.view];
    this.pan(moved);
  }

  drop(event) {
    const drag = this.drag;
    this.forget();
    if (drag?.selects && Math.abs(this.x(event) - drag.from) > 4) {
      const ends = [this.time(drag.from), this.time(this.x(event))].sort((a, b) => a - b);
      this.show(...ends);
    }
  }

  forget() {
    this.drag = undefined;
    this.selection.setAttribute("width", 0);
    this.cursor.setAttribute("visibility", "hidden");
  }
}
