// What a link says; null if it is damaged.
function fromLink(text, starts) {
  const [, start, filters, kind, strength, repel, step] = text.match(/^(\d)_([3-8])_(L[12])_(0\.\d{1,9})_([01])_(\d\d?)$/) || [];
  if (!starts[start] || !(strength > 0 && strength <= 0.5) || step > 20) return null;
  return { start: starts[start][0], filters: +filters, kind, strength: +strength, repel: repel === "1", step: +step };
}

const vector = ([a, b]) => `(${decimal(a)}, ${decimal(b)})`;
function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first");
  const { starts, strengths, shortest, goal, head, stepsHead, task, why } = model.get("data");
  const link = newLink(scope, model, el, "filter-forces", (text) => fromLink(text, starts));
  const buttons = (label, trait, choices) => `<div class="effdl-buttons" role="group" aria-label="${label}"><span>${label}</span>
    ${choices.map(([text, value]) => `<button type="button" data-trait="${trait}" value="${value ?? text}">${text}</button>`).join("")}</div>`;
  const sliders = { filters: ["N, filters that are spread", 3, 8], strength: ["ηλ, rate times strength", 0, strengths.length - 1], step: ["Step", 0, 20] };
  el.classList.add("effdl", "effdl-forces");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${task}</p>
    ${buttons("Filters", "start", starts.map(([name]) => [name]))}
    <div class="effdl-pair">${buttons("Force", "kind", [["L2-norm", "L2"], ["L1-norm", "L1"]])}${buttons("Sign", "repel", [["attraction", false], ["repulsion", true]])}</div>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-side">
      ${Object.entries(sliders).map(([name, [label, low, high]]) => `<label for="${id}-${name}">${label}<output></output></label>
        <input id="${id}-${name}" type="range" min="${low}" max="${high}" step="1">`).join("")}
      <div class="effdl-buttons"><button type="button" class="effdl-next">One step</button><button type="button" class="effdl-play">Play</button>
        <button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div></div></div>
    <div class="effdl-says" aria-live="polite"></div>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of the filters and steps"></div></details>`;
  const svg = el.querySelector("svg"), find = (name) => el.querySelector(`.${name}`), charts = svg.cloneNode();
  // The drawing holds circle and charts; here the charts move beside it.
  find("effdl-side").append(charts);
  charts.append(find("charts"));
  charts.setAttribute("aria-label", "Energy in the first direction and mean distance after each step");
  charts.setAttribute("viewBox", "0 336 360 252");
  svg.setAttribute("viewBox", "0 0 360 334");
  const inputs = [...el.querySelectorAll("input")], outputs = [...el.querySelectorAll("output")], choosers = [...el.querySelectorAll("[data-trait]")];
  const says = find("effdl-says"), next = find("effdl-next"), play = find("effdl-play");
  let timer = 0;

  function update() {
    const now = Object.fromEntries(Object.keys(first).map((name) => [name, model.get(name)])), { start, kind, strength, repel, step } = now;
    const from = starts.find(([name]) => name === start), count = start === "spread" ? now.filters : from[1].length;
    const path = forcePath(from[1].slice(0, count), kind, repel ? -strength : strength, shortest), units = directions(path[step]);
    const values = { share: path.map((filters) => principal(filters)[0]), distance: path.map((filters) => meanDistance(filters)) };
    const { share, distance } = values, over = overshoots(path.slice(0, step + 1), kind, repel), longer = growth(path.slice(0, step + 1));
    const pulls = forces(path[step], kind, shortest);
    drawForces(find, path, now, pulls, values);
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(String(now[button.dataset.trait]) === button.value)));
    // A strength set from Python may lie between two stops.
    const stop = strengths.findIndex((one) => one >= strength), shown = [count, plain(strength), `${step} of 20`];
    [count, stop < 0 ? strengths.length - 1 : stop, step].forEach((value, i) => {
      inputs[i].value = value;
      inputs[i].setAttribute("aria-valuetext", outputs[i].textContent = shown[i]);
    });
    inputs[0].disabled = start !== "spread";
    next.disabled = step === 20;
    link.set([starts.indexOf(from), now.filters, kind, decimal(strength, 9), +repel, step].join("_"));
    const spread = share[step] >= goal && distance[step] > 0.5;
    const remarks = [
      spread && (principal(units)[0] < goal ? why.lengths : why.apart),
      over && `${over} of ${step} steps took the filters ${repel ? "together" : "apart"}: ${why[kind]}`,
      longer > 1.5 && why.long,
    ];
    says.innerHTML = `<p><span class="effdl-title">Step ${step}: ${plain(100 * share[step], 4)}\u00a0% of the energy in one direction,
      rank ${share[step] >= goal ? 1 : 2} at 95\u00a0%.</span></p>
      <p>Mean distance of two directions: ${plain(distance[step])}, at the start ${plain(distance[0])}. ηλN = ${plain(strength * count)}.
      Lengths: up to ${short(longer)} times those at the start. ${remarks.filter(Boolean).join(" ")}</p>`;
    const setting = `${count} filters, ${kind}-norm force, ${repel ? "repulsion" : "attraction"}, ηλ = ${plain(strength)}`;
    const last = (i) => short(growth(path.slice(0, i + 1)));
    const cosines = ([a, b], i) => units.filter((_, j) => j !== i).map(([c, d]) => decimal(a * c + b * d)).join(", ");
    find("effdl-scroll").innerHTML = tableHtml(`After ${step} steps: ${setting}`, [head, ...path[step].map((filter, i) => [i + 1, vector(filter),
      decimal(lengthOf(filter)), `${decimal(Math.atan2(units[i][1], units[i][0]) * 180 / Math.PI, 1)}°`, vector(pulls[i]), cosines(units[i], i)])])
      + tableHtml(`All steps: ${setting}`, [stepsHead, ...share.map((value, i) => [i, `${plain(100 * value, 4)} %`, value >= goal ? 1 : 2, plain(distance[i]), `${last(i)} times`])]);
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
  const forward = () => (model.get("step") < 20 ? setTraits(model, { step: model.get("step") + 1 }) : stop());
  scope.listen(play, "click", () => {
    if (timer) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change({ step: 20 });
    if (model.get("step") === 20) change({ step: 0 });
    timer = setInterval(forward, 350);
    play.textContent = "Pause";
    says.setAttribute("aria-live", "off"); // twenty announcements in seven seconds would help nobody
  });
  scope.listen(next, "click", () => change({ step: Math.min(20, model.get("step") + 1) }));
  scope.listen(find("effdl-reset"), "click", () => change(first));
  Object.keys(sliders).forEach((name, i) =>
    scope.listen(inputs[i], "input", () => change({ [name]: name === "strength" ? strengths[+inputs[i].value] : +inputs[i].value })));
  choosers.forEach((button) => scope.listen(button, "click", () =>
    change({ [button.dataset.trait]: button.dataset.trait === "repel" ? button.value === "true" : button.value })));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return () => {
    stop();
    scope.close();
  };
}
export default { render };
