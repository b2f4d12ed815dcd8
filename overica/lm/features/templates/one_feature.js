"use strict";
// The page of one feature: where it fires, what it does to the next token, what it goes with.
window.OVERICA.page = (() => {
  const {run, tokens, features, make, word, short, cosine, percent, gist, chart} = window.OVERICA;
  const density = run.nonnegative ? "exponential" : "Laplace";

  // Examples.
  function text(f, [row, , around]) {
    const codes = new Map(around), line = make("span", {class: "text"}), n = tokens.ids.length;
    for (let at = Math.max(0, row - run.before); at <= Math.min(n - 1, row + run.after); at++) {
      if (tokens.documents[at] !== tokens.documents[row]) continue;
      const code = codes.get(at), whole = word(at), bare = whole.trimEnd() || " ";
      if (code === undefined) { line.append(whole); continue; }
      // The space after a token is no part of it.
      const span = make(at === row ? "mark" : "span", {title: short(code), "data-sign": code < 0 ? "-" : "+",
        "data-shade": Math.min(9, Math.ceil(9 * Math.abs(code) / f.largest))}, bare);
      span.style.setProperty("--shade", span.dataset.shade);
      line.append(span, whole.slice(bare.length));
    }
    return line;
  }
  const place = (f, found) => make("li", {},
    make("span", {class: "at"}, `${short(found[1])} · ${tokens.sources[tokens.documents[found[0]]]}`), text(f, found));
  const places = (f, part) => make("ul", {class: "contexts"}, ...part.places.map(found => place(f, found)));
  const firings = n => `${n} firing${n === 1 ? "" : "s"}`;
  function range(f, part, total) {
    const low = part.sign * part.low, high = part.sign * part.high;
    const share = part.lower === 0 ? `weakest ${percent(part.upper)}`
      : part.upper === 1 ? `strongest ${percent(1 - part.lower)}` : `${percent(1 - part.upper)} to ${percent(1 - part.lower)}`;
    return make("div", {class: "interval"},
      make("h4", {}, `Codes ${short(Math.min(low, high))} to ${short(Math.max(low, high))}`,
        make("span", {class: "number"}, `${share}: ${firings(part.firings)} of ${total}`)),
      part.places.length ? places(f, part) : make("p", {class: "figure-note"}, "All of them are shown above."));
  }
  function signs(f) {
    const groups = new Map();
    for (const part of f.examples) groups.set(part.sign, [...groups.get(part.sign) ?? [], part]);
    return [...groups.values()];
  }
  const called = ([first]) => run.nonnegative ? "" :
    `, codes ${first.sign > 0 ? "above" : "below"} zero (${firings(first.firings)})`;
  const top = f => signs(f).flatMap(parts => [make("h3", {}, `Where it is strongest${called(parts)}`), places(f, parts[0])]);
  const rest = f => signs(f).filter(parts => parts.length > 1).flatMap(parts => [
    make("h3", {}, `From strong to weak${called(parts)}`),
    ...parts.slice(1).map(part => range(f, part, parts[0].firings))]);

  // Beside them.
  function links(entries) {
    return make("ul", {class: "plain"}, ...entries.map(([href, label, number]) => make("li", {},
      href ? make("a", {href}, label) : label, make("span", {class: "number"}, number))));
  }
  const link = (i, number) => [`#${i}`, `${i}: ${gist(features[i])}`, number];
  const block = (title, ...content) => [make("h3", {}, title), ...content];
  const note = text => make("p", {class: "figure-note"}, text);
  function logits(f) {
    if (!f.logits) return run.logit_lens ? [note(`No logit lens: ${run.logit_lens}.`)] : [];
    const side = (name, entries) => make("div", {}, make("h4", {}, name), make("ul", {class: "tokens"},
      ...entries.map(([token, value]) => make("li", {}, make("code", {}, token || " "), make("span", {class: "number"}, short(value))))));
    return block("Next tokens", make("div", {class: "two"},
      side("more likely", f.logits.promoted), side("less likely", f.logits.suppressed)),
    note("Change of the logit by a code of one, past the later blocks" +
      (run.nonnegative ? "." : "; a code below zero does the opposite.")));
  }
  function sizes(f) {
    const {low, high, counts} = f.histogram, bin = (high - low) / counts.length;
    const share = s => run.nonnegative ? 1 : s >= 0 ? f.positive_share : 1 - f.positive_share;
    const model = s => f.firings * bin * share(s) * Math.exp(-Math.abs(s) / f.mean_size) / f.mean_size;
    const told = !f.prior ? "Too few firings to say which density fits."
      : `The line is the ${density} density of the same mean size. Largest distance of the cumulative distributions ` +
        `${short(f.prior.distance, 2)}; ` + (f.prior.gain > 0
        ? `${f.prior.best} fits best, by ${short(f.prior.gain, 2)} nats a firing.` : "no other density that was tried fits better.");
    return block("Sizes of its codes", chart({
      label: `Histogram of the active codes with the ${density} density of the same mean size`, low, high, counts,
      line: f.firings ? Array.from({length: 121}, (_, i) => low + (high - low) * i / 120).map(s => [s, model(s)]) : [],
      ticks: [[low, "start"], [(low + high) / 2, "middle"], [high, "end"]].map(([v, a]) => [v, a, short(v, 2)]),
      told: (c, from, to) => `${c} codes from ${short(from)} to ${short(to)}`,
    }), note(told));
  }
  function family(f) {
    const up = f.parent && block("Hardly fires without", links([link(f.parent.index, `at ${percent(f.parent.share)} of its firings`)]));
    const down = f.children.length && block("Hardly fire without it",
      links(f.children.slice(0, 12).map(i => link(i, percent(features[i].parent.share)))),
      ...(f.children.length > 12 ? [note(`and ${f.children.length - 12} more`)] : []));
    const with_ = f.cofiring.length && block("Fire with it",
      links(f.cofiring.map(([i, count, lift, phi]) => link(i, `${count} times, ${short(lift, 2)}× chance, φ ${cosine(phi)}`))),
      note("φ is the correlation of the two firing."));
    return [...up || [], ...down || [], ...with_ || []];
  }
  function near(f) {
    const others = Object.entries(run.partners).map(([name, found]) => {
      const index = found.index[f.index], label = run.labels[name];
      return index < 0 ? [null, label, "none"]
        : [`../${name}/index.html#${index}`, `${label}: ${index}`, `cos ${cosine(found.cosine[f.index])}`];
    });
    return [...block("Nearest directions", links(f.nearest.map(([i, c]) => link(i, `cos ${cosine(c)}`)))),
      ...(others.length ? block("Its match in other fits", links(others)) : [])];
  }

  return (f, step) => {
    const facts = [
      ["fires at", `${percent(f.density)} (${f.firings} of ${run.n_tokens} tokens)`],
      ["contribution", f.contribution === null ? "–" : `${short(f.contribution)} nats a token`],
      ["mean size where active", short(f.mean_size)], ["largest code", short(f.largest)],
      ...(!run.nonnegative && f.positive_share !== null ? [["positive", percent(f.positive_share)]] : []),
    ];
    return [step, make("h2", {}, `Feature ${f.index}`),
      make("dl", {class: "facts"}, ...facts.map(([k, v]) => make("div", {}, make("dt", {}, k), make("dd", {}, v)))),
      make("div", {class: "feature"},
        make("div", {class: "top"}, ...(f.firings ? top(f) : [make("p", {}, "It never fires here.")])),
        make("aside", {}, ...logits(f), ...sizes(f), ...family(f), ...near(f)),
        make("div", {class: "rest"}, ...rest(f)))];
  };
})();
