// Times are nanoseconds since the experiment's start.

// exact writes an instant as it was recorded, to the microsecond.
function exact(ns) {
  return "+" + (ns / 1e6).toFixed(3) + " ms";
}

// lasting writes a duration by the rule of package spoken, so that it has one number everywhere.
function lasting(ns) {
  const us = Math.ceil(ns / 1e3);
  if (us >= 1e4) return Math.floor((us + 500) / 1e3) + " ms";
  if (us >= 100) return (Math.floor((us + 5) / 10) / 100).toFixed(2) + " ms";
  return us > 0 ? us + " µs" : "0 ms";
}

// ticks divides a span into round steps, no more than most of them.
function ticks(from, to, most) {
  const rough = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((n) => n * power >= rough);
  const all = [];
  for (let n = Math.ceil(from / step); n * step <= to; n++) all.push(n * step);
  return { step, all };
}

// rounded writes a tick with the digits that its step needs.
function rounded(ns, step) {
  const [unit, name] = step >= 1e9 ? [1e9, "s"] : [1e6, "ms"];
  return (ns / unit).toFixed(Math.max(0, -Math.floor(Math.log10(step / unit)))) + " " + name;
}
