"use strict";
// The list of a run's features, and the way from it to one feature and back.
(() => {
  const {run, features, make, get, short, cosine, percent, word, gist, likely, chart, page} = window.OVERICA;
  const PAGE = 100;

  // How often features fire, on a scale of powers of ten.
  function densities() {
    const alive = features.filter(f => f.firings), least = Math.floor(Math.log10(1 / run.n_tokens)), bins = 24;
    const counts = Array(bins).fill(0);
    for (const f of alive) counts[Math.min(bins - 1, Math.floor(bins * (Math.log10(f.density) - least) / -least))]++;
    const power = v => short(100 * 10 ** v, 2) + " %";
    get("densities").append(
      chart({label: "Histogram of how often features fire", low: least, high: 0, counts,
        ticks: [[least, "start", power(least)], [least / 2, "middle", power(least / 2)], [0, "end", "100 %"]],
        told: (c, from, to) => `${c} features fire at ${power(from)} to ${power(to)} of the tokens`}));
    get("dead").textContent = `${features.length - alive.length} of ${features.length} features ` +
      `(${percent(run.dead_share)}) fire at none of the ${run.n_tokens} described tokens; the others as often as the bars say.` +
      (run.logit_lens ? ` No logit lens: ${run.logit_lens}.` : "");
  }

  // An order that previous and next follow too.
  const last = value => value === null ? -Infinity : value;
  const orders = {
    contribution: (a, b) => last(b.contribution) - last(a.contribution),
    frequency: (a, b) => b.firings - a.firings,
    rare: (a, b) => (a.firings || Infinity) - (b.firings || Infinity),
    largest: (a, b) => b.largest - a.largest,
    distance: (a, b) => last(b.prior && b.prior.distance) - last(a.prior && a.prior.distance),
    index: (a, b) => a.index - b.index,
  };
  const columns = [
    f => make("td", {class: "text"}, gist(f)),
    ...(run.logit_lens ? [] : [f => make("td", {class: "text"}, likely(f))]),
    f => make("td", {}, percent(f.density)), f => make("td", {}, short(f.contribution)), f => make("td", {}, short(f.largest)),
    f => make("td", {}, f.nearest.length ? cosine(f.nearest[0][1]) : "–"),
  ];
  let chosen = features, shown = 0;
  // Tokens at which it is shown to fire, and those that it makes likely; put together when first asked for.
  const said = new Map();
  function words(f) {
    if (!said.has(f)) said.set(f, [...f.examples.flatMap(part => part.places.map(([row]) => word(row))), likely(f)]
      .join("\n").toLowerCase());
    return said.get(f);
  }
  const matches = (f, wanted) => String(f.index) === wanted || words(f).includes(wanted);
  function arrange() {
    const wanted = get("search").value.trim().toLowerCase();
    chosen = features.filter(f => !wanted || matches(f, wanted));
    chosen.sort((a, b) => orders[get("sort").value](a, b) || a.index - b.index);
    get("rows").replaceChildren();
    shown = 0;
    get("found").textContent = `${chosen.length} of ${features.length} features`;
    extend();
  }
  function extend() {
    for (const f of chosen.slice(shown, shown + PAGE)) get("rows").append(make("tr", {},
      make("th", {scope: "row"}, make("a", {href: `#${f.index}`}, f.index)), ...columns.map(column => column(f))));
    shown = Math.min(shown + PAGE, chosen.length);
    get("more").hidden = shown >= chosen.length;
  }

  function show(f) {
    const place = chosen.indexOf(f), before = chosen[place - 1], after = chosen[place + 1];
    const step = make("nav", {class: "step", "aria-label": "Features"},
      make("a", {href: "#", id: "up"}, "All features"),
      ...(before ? [make("a", {href: `#${before.index}`, id: "previous", rel: "prev"}, `← ${before.index}`)] : []),
      ...(after ? [make("a", {href: `#${after.index}`, id: "next", rel: "next"}, `${after.index} →`)] : []),
      make("span", {class: "keys figure-note"}, make("kbd", {}, "←"), " ", make("kbd", {}, "→"), " step, ",
        make("kbd", {}, "Esc"), " list"));
    get("feature").replaceChildren(...page(f, step));
    document.title = `Feature ${f.index} · ${run.title}`;
  }
  function route() {
    const hash = location.hash.slice(1), f = /^\d+$/.test(hash) ? features[Number(hash)] : undefined;
    // A feature that the search left out is reached by its link, and steps through all.
    if (f && !chosen.includes(f)) { get("search").value = ""; arrange(); }
    get("list").hidden = get("lede").hidden = Boolean(f);
    get("feature").hidden = !f;
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
  if (!run.logit_lens) get("promotes").hidden = false;
  densities();
  arrange();
  route();
})();
