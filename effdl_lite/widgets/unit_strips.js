// Rows and columns that are left of each matrix, for the units that are out; as `shapes_left` in lstm_matrices.py.
function shapesLeft(matrices, removed) {
  const out = (layer) => (layer < 0 ? 0 : removed[layer].length);
  return matrices.map(({ rows, columns, gates, made, read }) => [rows - gates * out(made), columns - out(read)]);
}

function countLeft(matrices, removed) {
  const sizes = shapesLeft(matrices, removed).map(([rows, columns]) => rows * columns);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return { sizes, weights: sum(sizes), macs: sum(sizes.filter((_, i) => matrices[i].multiplied)) };
}

// The text of a link: layer and unit that are chosen, then the units of each layer that are out.
const toLink = ({ layer, unit, removed }) => [layer, unit, ...removed.map((units) => units.join("-"))].join(".");

// What such a text says; null if it is damaged, or made for another model.
function fromLink(text, hidden) {
  const [, layer, unit, ...out] = text.match(/^([01])\.(\d+)\.([\d-]*)\.([\d-]*)$/) || [];
  const removed = out.map((units) => [...new Set(units.match(/\d+/g))].map(Number));
  const fits = (units, i) => units.length < hidden[i] && units.every((one) => one < hidden[i]);
  return +unit < hidden[layer] && removed.every(fits) ? { layer: +layer, unit: +unit, removed } : null;
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), { cell, left, rest } = model.get("frame");
  const matrices = model.get("matrices"), groups = model.get("groups"), { embedding, hidden, vocabulary } = model.get("sizes");
  const texts = model.get("texts"), owners = model.get("owners"), all = countLeft(matrices, [[], []]);
  const link = newLink(scope, model, el, `unit-strips-${[embedding, ...hidden, vocabulary].join("-")}`, (text) => fromLink(text, hidden));
  el.classList.add("effdl", "effdl-strips");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${texts.task}</p>
    <div class="effdl-buttons" role="group" aria-label="Layer"><span>A unit of</span>
      ${hidden.map((_, i) => `<button type="button" data-layer="${i}">LSTM ${i + 1}</button>`).join("")}</div>
    <div class="effdl-columns">
      <div>${model.get("picture")}</div>
      <div>
        <label for="${id}">Unit<output for="${id}"></output></label>
        <input id="${id}" type="range" min="0" step="1">
        <div class="effdl-buttons"><button type="button" class="effdl-toggle"></button><button type="button" class="effdl-reset">Reset</button>
          <a class="effdl-link">Link to this state</a></div>
        <div class="effdl-says" aria-live="polite"></div>
        <p class="effdl-hint">${texts.hint}</p>
      </div>
    </div>
    <details><summary>All matrices as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="All matrices"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const slider = el.querySelector("input"), button = find("effdl-toggle"), choosers = findAll("[data-layer]");
  const weights = findAll(".weights path"), compact = findAll(".compact path"), labels = findAll(".size");

  weights.forEach((weight, i) => weight.classList.toggle("owned", owners[i].length > 0));

  function now() {
    const removed = model.get("removed"), layer = model.get("layer"), unit = Math.min(model.get("unit"), hidden[layer] - 1);
    const out = removed[layer], isOut = out.includes(unit), next = isOut ? out.filter((one) => one !== unit) : [...out, unit];
    const toggled = removed.map((units, i) => (i === layer ? next : units));
    return { removed, layer, unit, isOut, toggled, isLast: next.length === hidden[layer] };
  }

  function draw({ removed, layer, unit }, shapes) {
    weights.forEach((weight, i) => {
      const zero = owners[i].some(([of, one]) => removed[of].includes(one));
      const own = !zero && owners[i].some(([of, one]) => of === layer && one === unit);
      Object.entries({ zero, own, kept: !zero }).forEach(([name, is]) => weight.classList.toggle(name, is));
    });
    ["chosen", "crossing"].forEach((name, i) => find(name).setAttribute("d", groups[layer].outlines[unit][i]));
    shapes.forEach(([rows, columns], i) => {
      const gates = matrices[i].gates || 1, height = (rows / gates) * cell, x = left[i];
      const box = (_, gate) => `M${x} ${rest + gate * (height + 3)}h${columns * cell - 1}v${height - 1}H${x}z`;
      compact[i].setAttribute("d", Array.from({ length: gates }, box).join(""));
      labels[i].textContent = `${rows}×${columns}`;
    });
  }

  function update() {
    const state = now(), { removed, layer, unit, isOut, isLast } = state, { size, owns } = groups[layer];
    const shapes = shapesLeft(matrices, removed), { sizes, weights, macs } = countLeft(matrices, removed);
    const change = Math.abs(weights - countLeft(matrices, state.toggled).weights);
    const units = hidden.map((number, i) => number - removed[i].length).join(" and "), name = `Unit ${unit} of LSTM ${layer + 1}`;
    const share = (part, whole) => `${part} of ${whole} (${plain(100 * part / whole)}\u00a0%)`;
    draw(state, shapes);
    choosers.forEach((chooser, i) => chooser.setAttribute("aria-pressed", String(i === layer)));
    slider.max = hidden[layer] - 1;
    slider.value = unit;
    slider.disabled = hidden[layer] === 1;
    slider.setAttribute("aria-valuetext", `${name}, ${isOut ? "removed" : "kept"}`);
    el.querySelector("output").textContent = `${unit} of 0 to ${hidden[layer] - 1}`;
    button.textContent = isOut ? "Restore it" : "Remove it";
    button.disabled = isLast;
    link.set(toLink(state));
    find("rest").textContent = `The compact model: hidden sizes ${units}`;
    const effect = isOut ? `Putting it back brings ${change} weights.`
      : isLast ? "It stays, the last of its layer: without it the output would not depend on the words."
      : `Taking it out takes away ${change} weights${change < size ? "; the others are zero already" : ""}.`;
    find("effdl-says").innerHTML = `<p><span class="effdl-title">${name} is ${isOut ? "zero" : "kept"}.</span>
      ${owns.replace(/W_\w\w/g, "<code>$&</code>")}</p><p>${effect}</p>
      <p>Removed: ${removed.map((out, i) => `${out.length} of ${hidden[i]} in LSTM ${i + 1}`).join(", ")}. Weights left:
      ${share(weights, all.weights)}. MACs a word: ${share(macs, all.macs)}.</p>
      <p><strong>Compact model: hidden sizes ${units}.</strong>${2 * weights <= all.weights ? " Half of the weights are gone." : ""}</p>`;
    const last = [...shapes.map((shape, i) => `${shape.join(" × ")} = ${sizes[i]}`), weights];
    find("effdl-scroll").innerHTML = tableHtml(texts.caption, [texts.head, ...texts.rows.map((row, i) => [...row, last[i]])]);
  }

  const choose = (layer, unit) => setTraits(model, { layer, unit });
  function toggle() {
    const { isLast, toggled } = now();
    if (!isLast) setTraits(model, { removed: toggled });
  }
  scope.listen(el.querySelector("svg"), "click", ({ target }) => {
    const { layer, unit } = now(), found = owners[weights.indexOf(target)] || [];
    if (!found.length) return;
    const isRow = found[0][0] === layer && found[0][1] === unit;
    choose(...found[isRow ? found.length - 1 : 0]);
    slider.focus({ preventScroll: true });
  });
  scope.listen(slider, "input", () => setTraits(model, { unit: +slider.value }));
  scope.listen(slider, "keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  scope.listen(button, "click", toggle);
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, { removed: [[], []], layer: 0, unit: 0 }));
  choosers.forEach((chooser, i) => scope.listen(chooser, "click", () => choose(i, 0)));
  scope.watch(["layer", "unit", "removed"], update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
