const three = (number) => decimal(number, 3);

// What a link says; null if it is damaged.
function fromLink(text, { losses, limits }) {
  const [loss, normal, ...numbers] = text.split("_").map(Number);
  const fits = numbers.length === limits.length && limits.every(([, low, high], i) => numbers[i] >= low && numbers[i] <= high);
  if (!losses[loss] || ![0, 1].includes(normal) || !fits || !numbers.slice(3).every(Number.isInteger)) return null;
  return { loss: losses[loss][0], kind: normal ? "normal" : "uniform", ...Object.fromEntries(limits.map(([name], i) => [name, numbers[i]])) };
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first"), data = model.get("data");
  const { losses, stops, limits, shown, head, stepsHead, task, hint } = data, most = stops.steps.at(-1);
  const link = newLink(scope, model, el, "smoothed-loss", (text) => fromLink(text, data));
  const buttons = (label, trait, choices) => `<div class="effdl-buttons" role="group" aria-label="${label}"><span>${label}</span>
    ${choices.map((name) => `<button type="button" data-trait="${trait}" value="${name}">${name}</button>`).join("")}</div>`;
  const slider = ([name, label]) => `<label for="${id}-${name}">${label}<output></output></label>
    <input id="${id}-${name}" type="range" min="0" max="${stops[name].length - 1}" step="1">`;
  const labels = { a: "a, strength of the noise", start: "Start of both descents", rate: "η, learning rate", steps: "Steps" }, sliders = Object.keys(labels);
  el.classList.add("effdl", "effdl-smooth");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(task)}</p>
    <div class="effdl-pair">${buttons("Loss", "loss", losses.map(([name]) => name))}${buttons("Noise", "kind", ["uniform", "normal"])}</div>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-side">
      ${Object.entries(labels).map(slider).join("")}
      <div class="effdl-buttons"><button type="button" class="effdl-next">One step</button>
        <button type="button" class="effdl-play">Play</button><button type="button" class="effdl-seed">New noise</button><span class="effdl-seed-now"></span></div>
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div></div></div>
    <div class="effdl-says" aria-live="polite"></div>
    <p class="effdl-hint">${escapeHtml(hint)}</p>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Minima and descents"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const svg = el.querySelector("svg"), chart = svg.cloneNode(), inputs = findAll("input"), outputs = findAll("output"), choosers = findAll("[data-trait]");
  // The drawing holds both charts; here the ways move beside the losses.
  find("effdl-side").append(chart);
  chart.append(find("ways"));
  chart.setAttribute("aria-label", "The weight after each step of both descents");
  chart.setAttribute("viewBox", "0 382 360 210");
  svg.setAttribute("viewBox", "0 0 360 376");
  const says = find("effdl-says"), play = find("effdl-play"), next = find("effdl-next");
  let timer = 0;

  function update() {
    const state = Object.fromEntries(Object.keys(first).map((name) => [name, model.get(name)])), { kind, a, start, rate, steps, seed } = state;
    const index = losses.findIndex(([name]) => name === state.loss), loss = losses[index][1], soft = smoothed(loss, a, kind);
    const minima = minimaOf(loss), softMinima = minimaOf(soft), noise = standardDraws(kind, steps, seed).map((draw) => a * draw);
    const plainPath = descent(loss, start, rate, noise.map(() => 0)), softPath = descent(loss, start, rate, noise), ends = [plainPath, softPath].map((path) => path.at(-1));
    drawSmoothed(find, { loss, soft, minima, softMinima, a, plainPath, softPath, last: steps ? softPath.at(-2) + noise.at(-1) : null });
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(state[button.dataset.trait] === button.value)));
    const deviation = plain(kind === "uniform" ? a / Math.sqrt(3) : a), texts = [`${plain(a)}, deviation ${deviation}`, three(start), plain(rate), `${steps} of ${most}`];
    // A number set from Python may lie between two stops.
    const nearest = (name) => stops[name].reduce((best, stop, i) => (Math.abs(stop - state[name]) < Math.abs(stops[name][best] - state[name]) ? i : best), 0);
    sliders.map(nearest).forEach((value, i) => {
      inputs[i].value = value;
      inputs[i].setAttribute("aria-valuetext", outputs[i].textContent = texts[i]);
    });
    next.disabled = steps === most;
    find("effdl-seed-now").textContent = `Seed ${seed}`;
    link.set([index, +(kind === "normal"), ...limits.map(([name]) => state[name])].join("_"));
    const [wave] = loss.waves, factor = waveFactor(wave[0] * a, kind), kept = decimal(100 * Math.abs(factor), 1);
    const ripples = kept === "0" ? "the ripples are gone" : `the ripples keep ${kept}\u00a0% of their height${factor < 0 ? ", upside down" : ""}`;
    const marks = [["C", loss, minima], ["smoothed", soft, softMinima]], rows = [...shown.filter((one) => one < steps), steps];
    const [sharpest, left] = marks.map(([, one, places]) => decimal(Math.max(...places.map((w) => bendAt(one, w))), 2));
    says.innerHTML = `<p><span class="effdl-title">a = ${plain(a)}, ${kind} noise: ${loss.waves.length === 1 ? ripples
      : `the sharp minimum is ${softMinima.length === 1 ? "gone" : "still there"}`}.</span> C has ${minima.length} minima,
      the smoothed loss ${softMinima.length}. Second derivative at the sharpest: ${left}, of C ${sharpest}.</p>
      <p>After step ${steps} from w = ${three(start)}: plain descent is at w = ${three(ends[0])}, where C = ${three(valueAt(loss, ends[0]))};
      SmoothOut is at w = ${three(ends[1])}, where C = ${three(valueAt(loss, ends[1]))}.</p>`;
    find("effdl-scroll").innerHTML = tableHtml(`Minima of C and of its smoothing: ${kind} noise, a = ${plain(a)}`, [head, ...marks.flatMap(([name, one, places]) =>
      places.map((w, i) => [`${name}, ${i + 1}`, three(w), three(valueAt(one, w)), decimal(bendAt(one, w), 2)]))])
      + tableHtml(`Descents from w = ${three(start)}, η = ${plain(rate)}, seed ${seed}`, [stepsHead, ...rows.map((step) => [
        step, ...[plainPath[step], softPath[step]].flatMap((w) => [three(w), three(valueAt(loss, w))])])]);
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
    if (model.get("steps") === most) change({ steps: 0 });
    timer = setInterval(() => (model.get("steps") < most ? setTraits(model, further(2)) : stop()), 120);
    play.textContent = "Pause";
    says.setAttribute("aria-live", "off");
  });
  scope.listen(next, "click", () => change(further(1)));
  choosers.forEach((button) => scope.listen(button, "click", () => change({ [button.dataset.trait]: button.value })));
  sliders.forEach((name, i) => scope.listen(inputs[i], "input", () => change({ [name]: stops[name][+inputs[i].value] })));
  scope.listen(find("effdl-seed"), "click", () => change({ seed: model.get("seed") % limits.at(-1)[2] + 1 }));
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
