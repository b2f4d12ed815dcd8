"use strict";
// What the list and the page of one feature share. Text enters by textContent alone.
window.OVERICA = (() => {
  const run = window.OVERICA_RUN, tokens = window.OVERICA_TOKENS;

  function make(name, attributes, ...children) {
    const svg = ["svg", "rect", "path", "polyline", "text", "title"].includes(name);
    const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) if (value !== null) e.setAttribute(key, value);
    e.append(...children.map(child => child instanceof Node ? child : document.createTextNode(String(child))));
    return e;
  }
  const get = id => document.getElementById(id);
  const word = row => tokens.words[tokens.ids[row]];
  const short = (value, digits = 3) =>
    value === null || !Number.isFinite(value) ? "–" : Number(value.toPrecision(digits)).toString().replace("-", "−");
  const cosine = value => value.toFixed(2).replace("-", "−");
  const percent = share => share === 0 ? "0 %" : `${short(100 * share, 2)} %`;
  // Tokens at its strongest places, of the sign that is more frequent.
  const strongest = f => {
    const places = f.examples.length ? f.examples[0].places : [];
    return [...new Set(places.map(([row]) => word(row).trim() || "␣"))].slice(0, 5);
  };
  const gist = f => strongest(f).join("  ") || "never active";
  const likely = f => f.logits ? f.logits.promoted.slice(0, 3).map(([token]) => token.trim() || "␣").join("  ") : "";

  // Bars over equal bins from low to high, with a line and a few ticks ([value, anchor, text]).
  function chart({label, low, high, counts, line = [], ticks, told}) {
    const width = 360, height = 200, left = 6, right = 354, bottom = 172, top = 12;
    const bin = (high - low) / counts.length, most = Math.max(1, ...counts, ...line.map(([, y]) => y));
    const x = s => left + (right - left) * (s - low) / (high - low), y = c => bottom - (bottom - top) * c / most;
    const bars = counts.map((c, i) => make("rect", {
      x: x(low + i * bin).toFixed(1), y: y(c).toFixed(1), width: ((right - left) / counts.length - .8).toFixed(1),
      height: Math.max(bottom - y(c), 0).toFixed(1), class: "size",
    }, make("title", {}, told(c, low + i * bin, low + (i + 1) * bin))));
    const svg = make("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label},
      ...bars, make("path", {class: "axis", d: `M${left} ${bottom}H${right}`}));
    if (line.length) svg.append(make("polyline", {class: "density",
      points: line.map(([s, c]) => `${x(s).toFixed(1)},${y(c).toFixed(1)}`).join(" ")}));
    for (const [value, anchor, text] of ticks)
      svg.append(make("text", {class: "tick", x: x(value), y: height - 8, "text-anchor": anchor}, text));
    return svg;
  }
  return {run, tokens, features: run.features, make, get, word, short, cosine, percent, strongest, gist, likely, chart};
})();
