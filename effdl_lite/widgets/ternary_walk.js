const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

// What a link says; null if it is damaged, or made for other gradients.
function fromLink(text, { starts, workers, most, mostSeed }) {
  const [, start, element, steps, each, seed] = (text.match(/^(\d)_(\d)_(\d{1,4})_(\d\d?)_(\d{1,4})$/) || []).map(Number);
  const fits = starts[start] && element < starts[start][1].length && steps >= 1 && steps <= most;
  return fits && workers.includes(each) && seed >= 1 && seed <= mostSeed ? { start: starts[start][0], element, steps, workers: each, seed } : null;
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first"), data = model.get("data");
  const { starts, workers: numbers, most, mostSeed, shown, head, stepsHead, task } = data;
  const key = `ternary-walk-${starts.length}-${starts[0][1].length}`, link = newLink(scope, model, el, key, (text) => fromLink(text, data));
  el.classList.add("effdl", "effdl-walk");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(task)}</p>
    <div class="effdl-buttons" role="group" aria-label="Gradient"><span>Gradient</span>
      ${starts.map(([name]) => `<button type="button" class="effdl-start" value="${escapeHtml(name)}">${escapeHtml(name)}</button>`).join("")}</div>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-side">
      <label for="${id}-element">Element of the walk<output></output></label><input id="${id}-element" type="range" min="0" max="1" step="1">
      <label for="${id}-workers">Workers, draws in a step<output></output></label><input id="${id}-workers" type="range" min="0" max="${numbers.length - 1}" step="1">
      <div class="effdl-typed"></div>
      <div class="effdl-buttons" role="group" aria-label="More steps">
        ${[1, 10, 100].map((more) => `<button type="button" class="effdl-more" value="${more}">+${more}</button>`).join("")}
        <button type="button" class="effdl-play">Play</button></div>
      <div class="effdl-buttons"><button type="button" class="effdl-seed">New random numbers</button><span class="effdl-seed-now"></span></div>
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div></div></div>
    <div class="effdl-says" aria-live="polite"></div>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of elements and steps"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const svg = el.querySelector("svg"), chart = svg.cloneNode(), [elements, workersInput] = findAll("input"), outputs = findAll("output");
  // The drawing holds both charts; here the walk moves beside the elements.
  find("effdl-side").prepend(chart);
  chart.append(find("walk"));
  chart.setAttribute("aria-label", "The average of one element after each step");
  chart.setAttribute("viewBox", "0 320 360 234");
  svg.setAttribute("viewBox", "0 0 360 318");
  const says = find("effdl-says"), play = find("effdl-play"), more = findAll(".effdl-more"), choosers = findAll(".effdl-start");
  const showSteps = newTypedSlider(scope, find("effdl-typed"), "Steps", most, (steps) => change({ steps }));
  const decimals = (values) => `(${values.map((value) => signed(value)).join(", ")})`;
  let timer = 0;

  function update() {
    const { start, element: chosen, steps, workers, seed } = Object.fromEntries(Object.keys(first).map((name) => [name, model.get(name)]));
    const index = starts.findIndex(([name]) => name === start), gradient = starts[index][1], element = Math.min(chosen, gradient.length - 1);
    const scaler = largestOf(gradient), averages = averagesOf(gradient, steps, workers, seed), mean = averages.at(-1), draws = steps * workers;
    const codes = codesOf(gradient, steps - 1, workers, seed), last = gradient.map((_, i) => scaler * codes.reduce((sum, own) => sum + own[i], 0) / workers);
    const errors = variancesOf(gradient).map((variance) => Math.sqrt(variance / draws));
    drawWalk(find, { gradient, averages, last, element, workers });
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(button.value === start)));
    elements.max = gradient.length - 1;
    [[elements, element, `${element + 1} of ${gradient.length}`], [workersInput, numbers.indexOf(workers), String(workers)]].forEach(([input, value, text], i) => {
      input.value = value;
      input.setAttribute("aria-valuetext", outputs[i].textContent = text);
    });
    showSteps(steps);
    more.forEach((button) => { button.disabled = steps === most; });
    find("effdl-seed-now").textContent = `Seed ${seed}`;
    link.set([index, element, steps, workers, seed].join("_"));
    const far = mean.filter((value, i) => Math.abs(value - gradient[i]) > 2 * errors[i] + 1e-9).length, signs = { "-1": "−", 0: "0", 1: "+" };
    says.innerHTML = `<p><span class="effdl-title">After ${count(steps, "step")} of ${count(workers, "worker")} the average is
      ${plain(distanceOf(mean, gradient))} from the gradient; expected ${plain(expectedDistance(gradient, draws))}.</span></p>
      <p>Average ${decimals(mean)}, gradient ${decimals(gradient)}. ${far ? `${far} of ${gradient.length} elements ${far === 1 ? "is" : "are"} outside
      two standard errors` : "All elements are within two standard errors"}, which shrink as 1/√draws: ${count(draws, "draw")} so far.</p>
      <p>Last step: ${workers === 1 ? `the worker sent (${codes[0].map((code) => signs[code]).join(", ")}) and s = ${plain(scaler)}, that is`
        : `the ${workers} workers' mean is`} ${decimals(last)}.</p>`;
    const setting = `${count(steps, "step")} of ${count(workers, "worker")}, seed ${seed}`;
    const rows = [...new Set([...shown.filter((one) => one <= steps), steps])].sort((a, b) => a - b);
    find("effdl-scroll").innerHTML = tableHtml(`After ${setting}`, [head, ...gradient.map((g, i) => [i + 1,
      ...[g, Math.abs(g) / scaler, last[i], mean[i], errors[i]].map((value) => signed(value)), errors[i] ? signed((mean[i] - g) / errors[i]) : "exact"])])
      + tableHtml(`On the way: ${setting}`, [stepsHead, ...rows.map((one) => [one, one * workers,
        plain(distanceOf(averages[one - 1], gradient)), plain(expectedDistance(gradient, one * workers))])]);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    says.setAttribute("aria-live", "polite");
  }
  function change(values) {
    stop();
    setTraits(model, values);
  }
  const further = (more) => ({ steps: Math.min(most, model.get("steps") + more) });
  scope.listen(play, "click", () => {
    if (timer) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change({ steps: most });
    if (model.get("steps") === most) change({ steps: 1 });
    // On the axis of powers of ten the walk then moves evenly.
    timer = setInterval(() => (model.get("steps") < most ? setTraits(model, further(Math.max(1, model.get("steps") >> 3))) : stop()), 300);
    play.textContent = "Pause";
    says.setAttribute("aria-live", "off");
  });
  more.forEach((button) => scope.listen(button, "click", () => change(further(+button.value))));
  choosers.forEach((button) => scope.listen(button, "click", () => change({ start: button.value, element: 0 })));
  scope.listen(elements, "input", () => change({ element: +elements.value }));
  scope.listen(workersInput, "input", () => change({ workers: numbers[+workersInput.value] }));
  scope.listen(find("effdl-seed"), "click", () => change({ seed: model.get("seed") % mostSeed + 1 }));
  scope.listen(find("effdl-reset"), "click", () => change(first));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return () => {
    stop();
    scope.close();
  };
}
export default { render };
