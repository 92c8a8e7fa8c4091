// What a link says; null if it is damaged.
function fromLink(text, { rows, workers }) {
  const [, stop, number] = text.match(/^(\d{1,3})_(\d{1,3})$/) || [];
  return rows[stop] && workers.includes(+number) ? { c: rows[stop][0], workers: +number } : null;
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first"), data = model.get("data");
  const { rows, workers: numbers, shown, smallest, head, clipsHead, task, hint } = data;
  const link = newLink(scope, model, el, `clip-tradeoff-${rows.length}`, (text) => fromLink(text, data));
  el.classList.add("effdl", "effdl-clip");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(task)}</p>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-side">
      <label for="${id}-c">Clip c, in standard deviations<output></output></label><input id="${id}-c" type="range" min="0" max="${rows.length - 1}" step="1">
      <label for="${id}-workers">Workers<output></output></label><input id="${id}-workers" type="range" min="0" max="${numbers.length - 1}" step="1">
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div></div></div>
    <div class="effdl-says" aria-live="polite"></div>
    <p class="effdl-hint">${escapeHtml(hint)}</p>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Errors of workers and clips"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const svg = el.querySelector("svg"), chart = svg.cloneNode(), inputs = findAll("input"), outputs = findAll("output");
  // The drawing holds both charts; here the zeros move beside the errors.
  find("effdl-side").prepend(chart);
  chart.append(find("share"));
  chart.setAttribute("aria-label", "Share of zeros against the clip c");
  chart.setAttribute("viewBox", "0 366 360 214");
  svg.setAttribute("viewBox", "0 0 360 362");
  const x = (c) => (52 + 294 * c / 5.5).toFixed(1), y = (value) => (234 - 40 * (Math.min(Math.max(Math.log10(value), -4), 1) + 4)).toFixed(1);
  const size = (value) => (value >= smallest ? plain(value) : "below 0.0001");
  const errorsOf = (number) => rows.map(([, bias, variance]) => [bias, variance / number, bias + variance / number]);
  const bestOf = (errors) => errors.reduce((best, one, i) => (one[2] < errors[best][2] ? i : best), 0);

  function update() {
    const c = model.get("c"), workers = model.get("workers"), stop = rows.findIndex(([one]) => one === c);
    const errors = errorsOf(workers), [bias, variance, error] = errors[stop], [, , , share, zeros, length, direction] = rows[stop];
    ["bias", "variance", "error"].forEach((name, i) => find(name).setAttribute("points",
      rows.map(([one], j) => [one, errors[j][i]]).filter(([, value]) => value >= 1e-4).map(([one, value]) => `${x(one)},${y(value)}`).join(" ")));
    const ends = [[34, 234], [40, 170]];
    findAll(".here").forEach((line, i) => line.setAttribute("d", `M${x(c)} ${ends[i].join("V")}`));
    [["dot", y(error)], ["zeros-dot", (170 - 130 * share).toFixed(1)]].forEach(([name, height]) => {
      find(name).setAttribute("cx", x(c));
      find(name).setAttribute("cy", height);
    });
    const count = workers === 1 ? "1 worker" : `${workers} workers`;
    [[stop, `${plain(c)} σ`], [numbers.indexOf(workers), String(workers)]].forEach(([value, text], i) => {
      inputs[i].value = value;
      inputs[i].setAttribute("aria-valuetext", outputs[i].textContent = text);
    });
    link.set([stop, workers].join("_"));
    const larger = bias > variance ? "what clipping cuts off" : "what ternary rounding adds";
    find("effdl-says").innerHTML = `<p><span class="effdl-title">c = ${plain(c)}, ${count}: error ${size(error)} σ²${bestOf(errors) === stop
      ? ", the smallest of this slider" : ""}.</span> Bias² ${size(bias)}, variance ${size(variance)}: the larger part is ${larger}.</p>
      <p>${zeros.replace(" ", "\u00a0")} of a worker's elements become 0. Clipping alone changes the length by ${length.replace(" ", "\u00a0")}
      and the direction by ${direction}.</p>`;
    const clips = rows.map((_, i) => i).filter((i) => i === stop || shown.includes(rows[i][0]));
    find("effdl-scroll").innerHTML = tableHtml(`Errors at c = ${plain(c)}, shares of σ²`, [head, ...numbers.map((number) => {
      const own = errorsOf(number), best = bestOf(own);
      return [number, ...own[stop].map(size), size(own[best][2]), plain(rows[best][0])];
    })]) + tableHtml(`Clips for ${count}, errors as shares of σ²`,
      [clipsHead, ...clips.map((i) => [plain(rows[i][0]), ...errors[i].map(size), ...rows[i].slice(4)])]);
  }

  scope.listen(inputs[0], "input", () => setTraits(model, { c: rows[+inputs[0].value][0] }));
  scope.listen(inputs[1], "input", () => setTraits(model, { workers: numbers[+inputs[1].value] }));
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, first));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
