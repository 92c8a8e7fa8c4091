// These are the same as in group_shrinkage.py.
const normOf = ([a, b]) => Math.sqrt(a * a + b * b);

function penaltyGradient(penalty, w) {
  if (penalty === "l2 decay") return w;
  if (penalty === "l1") return w.map(Math.sign);
  const norm = normOf(w);
  return norm ? w.map((x) => x / norm) : [0, 0];
}

function prox(penalty, w, t) {
  const shrink = (size) => (size <= t * (1 + 1e-12) ? 0 : 1 - t / size);
  if (penalty === "l2 decay") return w.map((x) => x / (1 + t));
  if (penalty === "l1") return w.map((x) => x * shrink(Math.abs(x)));
  return w.map((x) => x * shrink(normOf(w)));
}

function shrinkagePath({ penalty, step, start, target, strength, rate, threshold = 0, curvature = 1, number = 200 }) {
  const path = [start];
  for (let i = 0; i < number; i++) {
    let w = path[i];
    const pull = step === "proximal" ? [0, 0] : penaltyGradient(penalty, w);
    w = w.map((x, j) => x - rate * (curvature * (x - target[j]) + strength * pull[j]));
    if (step === "proximal") w = prox(penalty, w, rate * strength);
    else if (step === "sub-gradient + threshold") w = w.map((x) => (Math.abs(x) < threshold ? 0 : x));
    path.push(w);
  }
  return path;
}

function verdict(path, best) {
  const norms = path.map(normOf);
  if (!norms.at(-1)) return ["zero", norms.findLastIndex((norm) => norm > 0) + 1];
  const apart = (v, w) => normOf([v[0] - w[0], v[1] - w[1]]), last = path.slice(-50);
  const back = (w, i) => i && apart(last[i - 1], w) > 1e-6 && apart(w, best) > 0.999 * apart(last[i - 1], best);
  if (last.some(back)) return ["bounces", -1];
  return [apart(last[48], last[49]) < 1e-6 * norms.at(-1) ? "rests" : "moves", -1];
}

const normText = (norm) => (norm > 0 && norm < 1e-4 ? "below 0.0001" : plain(norm));

function lastNorms(path) {
  const norms = path.slice(-50).map(normOf);
  return [...new Set([Math.min(...norms), Math.max(...norms)].map(normText))].join(" to ");
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), choices = model.get("choices"), first = model.get("first");
  const { penalties, steps, formulas, sliders, pulls, head, why, task } = model.get("names"), start = model.get("begin");
  const buttons = (name, label, values) => `<div class="effdl-buttons" role="group" aria-label="${label}"><span>${label}</span>
    ${values.map((value) => `<button type="button" data-trait="${name}" value="${value}">${value}</button>`).join("")}</div>`;
  el.classList.add("effdl", "effdl-shrink");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${task}</p>
    ${buttons("penalty", "Penalty", penalties)}${buttons("step", "Step", steps)}
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-sliders">${sliders.map(([name, label]) => `<div><label for="${id}-${name}">${label}<output></output></label>
      <input id="${id}-${name}" type="range" min="0" max="${choices[name].length - 1}" step="1"></div>`).join("")}
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button></div></div></div>
    <div class="effdl-says" aria-live="polite"></div>
    <details><summary>All penalties and steps as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="All penalties and steps"></div></details>`;
  const svg = el.querySelector("svg"), find = (name) => el.querySelector(`.${name}`), all = (query) => [...el.querySelectorAll(query)];
  // The drawing holds both plots; here the second one moves to a place of its own.
  const second = svg.cloneNode();
  find("effdl-sliders").prepend(second);
  second.append(find("norm"));
  second.setAttribute("aria-label", "The norm of the group after each step");
  second.setAttribute("viewBox", "0 428 360 252");
  svg.setAttribute("viewBox", "0 0 360 412");
  const inputs = all("input"), outputs = all("output"), choosers = all("[data-trait]");

  const pair = ([a, b]) => `${(106 + 40 * a).toFixed(1)},${(262 - 40 * b).toFixed(1)}`;
  const height = (norm) => (norm ? 178 - 29 * (Math.min(1, Math.max(-4, Math.log10(norm))) + 4) : 208);
  const entry = (value) => (value && Math.abs(value) < 1e-4 ? "≈ 0" : plain(value).replace("-", "−"));
  const vector = (w) => `(${w.map(entry).join(", ")})`;

  function update() {
    const now = Object.fromEntries(Object.keys(first).map((name) => [name, model.get(name)]));
    const { penalty, step, strength, rate, usefulness, threshold } = now, target = [0.6 * usefulness, 0.8 * usefulness];
    const run = (changes) => shrinkagePath({ ...now, start, target, ...changes });
    const bestOf = (name) => prox(name, target, strength), best = bestOf(penalty), bestNorm = normOf(best);
    const path = run({}), end = path.at(-1), norm = normText(normOf(end)), [ends, since] = verdict(path, best);
    const cuts = step === "sub-gradient + threshold";
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(now[button.dataset.trait] === button.value)));
    sliders.forEach(([name], i) => {
      // A value set from Python may lie between two stops.
      const stop = choices[name].findIndex((choice) => choice >= now[name]);
      inputs[i].value = stop < 0 ? choices[name].length - 1 : stop;
      outputs[i].textContent = plain(now[name]);
      inputs[i].setAttribute("aria-valuetext", plain(now[name]));
      inputs[i].disabled = name === "threshold" && !cuts;
    });

    const points = path.map(pair);
    find("path").setAttribute("points", points.join(" "));
    find("dots").setAttribute("d", points.map((point) => `M${point}h0`).join(""));
    find("pull").setAttribute("d", pulls[penalty]);
    for (const [name, w] of Object.entries({ target, best, end })) find(name).setAttribute("transform", `translate(${pair(w)})`);
    find("norms").setAttribute("points", path.map((w, i) => `${46 + 1.5 * i},${height(normOf(w)).toFixed(1)}`).join(" "));
    const [line, name] = find("bound").children, level = cuts ? threshold : rate * (strength + usefulness);
    find("bound").style.display = cuts || (ends === "bounces" && penalty === "group Lasso") ? "" : "none";
    line.setAttribute("transform", `translate(0 ${height(level)})`);
    name.textContent = `– – ${cuts ? "τ" : "η(λ + ‖target‖)"} = ${plain(level)}`;

    const how = {
      zero: `Exactly zero since step ${since}.</span> ${bestNorm ? why.erased : ""}`,
      bounces: `Not zero: it bounces, ‖w‖ = ${lastNorms(path)} in the last 50 steps.</span> ${why.bounces}`,
      rests: `Not zero: it rests at ‖w‖ = ${norm}.</span>`,
      moves: `Not zero: ‖w‖ = ${norm}, still on its way.</span> ${bestNorm ? "" : why.limit}`,
    }[ends];
    find("effdl-says").innerHTML = `<p><span class="effdl-title">${how}</p>
      <p>After 200 steps w = ${vector(end)}. With the penalty ${formulas[penalty][0]} the optimum in closed form is
      <span class="effdl-formula">${formulas[penalty][1]} = ${vector(best)}, ‖w‖ = ${normText(bestNorm)}.</span></p>`;
    find("effdl-scroll").innerHTML = tableHtml(`λ = ${plain(strength)}, η = ${plain(rate)}, ‖target‖ = ${plain(usefulness)}, τ = ${plain(threshold)}`, [
      head,
      ...penalties.flatMap((one) => steps.map((way) => {
        const other = run({ penalty: one, step: way }), [state, from] = verdict(other, bestOf(one));
        return [one, way, lastNorms(other), state === "zero" ? `yes, since step ${from}` : "no", normText(normOf(bestOf(one)))];
      })),
    ]);
  }

  sliders.forEach(([name], i) => scope.listen(inputs[i], "input", () => setTraits(model, { [name]: choices[name][+inputs[i].value] })));
  choosers.forEach((button) => scope.listen(button, "click", () => setTraits(model, { [button.dataset.trait]: button.value })));
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, first));
  scope.watch(Object.keys(first), update);
  update();
  return scope.close;
}
export default { render };
