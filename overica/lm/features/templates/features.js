"use strict";
// Draws the list of a run's features and one feature, from data.js and tokens.js. Text enters by textContent alone.
(() => {
  const run = window.OVERICA_RUN, tokens = window.OVERICA_TOKENS;
  const PAGE = 100, get = id => document.getElementById(id);
  const features = run.features.map((f, index) => ({
    index, firings: f[0], mean: f[1], largest: f[2], contribution: f[3], positive: f[4], counts: f[5],
    density: f[6], nearest: f[7], contexts: f[8],
  }));

  function make(name, attributes, ...children) {
    const svg = ["svg", "rect", "path", "polyline", "text", "title"].includes(name);
    const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) if (value !== null) e.setAttribute(key, value);
    e.append(...children.map(child => child instanceof Node ? child : document.createTextNode(String(child))));
    return e;
  }
  const word = row => tokens.words[tokens.ids[row]];
  const short = (value, digits = 3) =>
    value === null || !Number.isFinite(value) ? "–" : Number(value.toPrecision(digits)).toString().replace("-", "−");
  const cosineText = value => value.toFixed(2).replace("-", "−");
  const percent = share => share === 0 ? "0 %" : `${short(100 * share, 2)} %`;
  const frequency = f => f.firings / run.n_tokens;
  const strongest = f => {
    const seen = new Set();
    for (const [row] of f.contexts) seen.add(word(row).trim());
    return [...seen].slice(0, 5);
  };

  // The list, in an order that previous and next follow too.
  const last = value => value === null ? -Infinity : value;
  const orders = {
    contribution: (a, b) => last(b.contribution) - last(a.contribution),
    frequency: (a, b) => b.firings - a.firings,
    rare: (a, b) => (a.firings || Infinity) - (b.firings || Infinity),
    largest: (a, b) => b.largest - a.largest,
    distance: (a, b) => last(b.density && b.density[1]) - last(a.density && a.density[1]),
    index: (a, b) => a.index - b.index,
  };
  let chosen = features, shown = 0;
  function arrange() {
    const wanted = get("search").value.trim().toLowerCase();
    chosen = features.filter(f => !wanted || String(f.index) === wanted ||
      strongest(f).some(text => text.toLowerCase().includes(wanted)));
    chosen.sort((a, b) => orders[get("sort").value](a, b) || a.index - b.index);
    get("rows").replaceChildren();
    shown = 0;
    get("found").textContent = `${chosen.length} of ${features.length} features`;
    extend();
  }
  function extend() {
    for (const f of chosen.slice(shown, shown + PAGE)) {
      const near = f.nearest[0];
      get("rows").append(make("tr", {},
        make("th", {scope: "row"}, make("a", {href: `#${f.index}`}, f.index)),
        make("td", {class: "text"}, strongest(f).join("  ") || "never active"),
        make("td", {}, percent(frequency(f))),
        make("td", {}, short(f.contribution)),
        make("td", {}, short(f.largest)),
        make("td", {}, near ? cosineText(near[1]) : "–")));
    }
    shown = Math.min(shown + PAGE, chosen.length);
    get("more").hidden = shown >= chosen.length;
  }

  // One feature.
  function histogram(f) {
    const width = 360, height = 200, left = 6, right = 354, bottom = 172, top = 12;
    const low = run.nonnegative ? 0 : -f.largest, high = f.largest || 1, n = f.counts.length, bin = (high - low) / n;
    const model = s => run.nonnegative
      ? f.firings * bin * Math.exp(-s / f.mean) / f.mean
      : f.firings * bin * (s >= 0 ? f.positive : 1 - f.positive) * Math.exp(-Math.abs(s) / f.mean) / f.mean;
    const line = f.firings ? Array.from({length: 121}, (_, i) => low + (high - low) * i / 120) : [];
    const most = Math.max(1, ...f.counts, ...line.map(model));
    const x = s => left + (right - left) * (s - low) / (high - low), y = c => bottom - (bottom - top) * c / most;
    const bars = f.counts.map((c, i) => make("rect", {
      x: x(low + i * bin).toFixed(1), y: y(c).toFixed(1), width: ((right - left) / n - .8).toFixed(1),
      height: Math.max(bottom - y(c), 0).toFixed(1), class: "size",
    }, make("title", {}, `${c} codes from ${short(low + i * bin)} to ${short(low + (i + 1) * bin)}`)));
    const name = run.nonnegative ? "exponential" : "Laplace";
    const svg = make("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `Histogram of the active codes with the ${name} density of the same mean size`}, ...bars,
      make("path", {class: "axis", d: `M${left} ${bottom}H${right}`}),
      make("polyline", {class: "density", points: line.map(s => `${x(s).toFixed(1)},${y(model(s)).toFixed(1)}`).join(" ")}));
    for (const [value, anchor] of [[low, "start"], [(low + high) / 2, "middle"], [high, "end"]])
      svg.append(make("text", {class: "tick", x: x(value), y: height - 8, "text-anchor": anchor}, short(value, 2)));
    return svg;
  }
  function context([row, value, shades]) {
    const start = row - run.before, text = make("span", {class: "text"});
    [...shades].forEach((shade, i) => {
      const at = start + i;
      if (shade === ".") return;
      // The space after a token is no part of it.
      if (at === row) text.append(make("mark", {}, word(at).trimEnd() || " "), word(at).slice(word(at).trimEnd().length));
      else if (shade === "0") text.append(word(at));
      else {
        const span = make("span", {"data-shade": shade}, word(at));
        span.style.setProperty("--shade", shade);
        text.append(span);
      }
    });
    return make("li", {}, make("span", {class: "at"}, `${short(value)} · ${tokens.sources[tokens.documents[row]]}`), text);
  }
  function links(entries) {
    return make("ul", {class: "plain"}, ...entries.map(([href, label, number]) => make("li", {},
      href ? make("a", {href}, label) : label, make("span", {class: "number"}, number))));
  }
  function density(f) {
    if (!f.density) return "Too few firings to say which density fits.";
    const [best, distance, gain] = f.density;
    const name = run.nonnegative ? "exponential" : "Laplace";
    const told = `The line is the ${name} density of the same mean size. Largest distance of the cumulative ` +
      `distributions ${short(distance, 2)}; `;
    return told + (best === 0 ? "no other density that was tried fits better."
      : `${run.families[best]} fits best, by ${short(gain, 2)} nats a firing.`);
  }
  function show(f) {
    const place = chosen.indexOf(f), before = chosen[place - 1], after = chosen[place + 1];
    const step = make("nav", {class: "step", "aria-label": "Features"},
      make("a", {href: "#", id: "up"}, "All features"),
      ...(before ? [make("a", {href: `#${before.index}`, id: "previous", rel: "prev"}, `← ${before.index}`)] : []),
      ...(after ? [make("a", {href: `#${after.index}`, id: "next", rel: "next"}, `${after.index} →`)] : []),
      make("span", {class: "keys figure-note"}, make("kbd", {}, "←"), " ", make("kbd", {}, "→"), " step, ",
        make("kbd", {}, "Esc"), " list"));
    const facts = [
      ["fires at", percent(frequency(f)) + ` (${f.firings} of ${run.n_tokens} tokens)`],
      ["contribution", f.contribution === null ? "–" : `${short(f.contribution)} nats a token`],
      ["mean size where active", short(f.mean)], ["largest code", short(f.largest)],
      ...(!run.nonnegative && f.positive !== null ? [["positive", percent(f.positive)]] : []),
    ];
    const others = Object.entries(run.partners).map(([name, found]) => {
      const index = found.index[f.index], label = run.labels[name];
      return index < 0 ? [null, label, "none"]
        : [`../${name}/index.html#${index}`, `${label}: ${index}`, `cos ${cosineText(found.cosine[f.index])}`];
    });
    get("feature").replaceChildren(step, make("h2", {}, `Feature ${f.index}`),
      make("dl", {class: "facts"}, ...facts.map(([k, v]) => make("div", {}, make("dt", {}, k), make("dd", {}, v)))),
      make("h3", {}, "Where it is strongest"),
      f.contexts.length ? make("ul", {class: "contexts"}, ...f.contexts.map(context)) : make("p", {}, "It never fires here."),
      make("div", {class: "pair"},
        make("div", {}, make("h3", {}, "Sizes of its codes"), histogram(f),
          make("p", {class: "figure-note"}, density(f))),
        make("div", {}, make("h3", {}, "Nearest features"),
          links(f.nearest.map(([i, cosine]) => [`#${i}`, `${i}: ${strongest(features[i]).join("  ") || "never active"}`, `cos ${cosineText(cosine)}`])),
          ...(others.length ? [make("h3", {}, "Its match in other fits"), links(others)] : []))));
    document.title = `Feature ${f.index} · ${run.title}`;
  }
  function route() {
    const hash = location.hash.slice(1), f = /^\d+$/.test(hash) ? features[Number(hash)] : undefined;
    // A feature that the search left out is reached by its link, and steps through all.
    if (f && !chosen.includes(f)) { get("search").value = ""; arrange(); }
    get("list").hidden = Boolean(f);
    get("feature").hidden = !f;
    get("lede").hidden = Boolean(f);
    if (f) { show(f); scrollTo(0, 0); } else document.title = run.title;
  }
  get("search").addEventListener("input", arrange);
  get("sort").addEventListener("change", arrange);
  get("controls").addEventListener("submit", event => event.preventDefault());
  get("more").addEventListener("click", extend);
  addEventListener("hashchange", route);
  addEventListener("keydown", event => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const id = {ArrowLeft: "previous", ArrowRight: "next", k: "previous", j: "next", Escape: "up"}[event.key];
    const link = id && !get("feature").hidden && get(id);
    if (link) { event.preventDefault(); location.hash = link.getAttribute("href"); }
  });
  arrange();
  route();
})();
