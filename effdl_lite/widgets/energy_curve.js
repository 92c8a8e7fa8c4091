const percent = (share) => `${plain(100 * share)} %`;

// What a link says; null if it is damaged, or made for another network.
function fromLink(text, layers, stops) {
  const [, layer, rank, stop] = (text.match(/^(\d{1,2})-(\d{1,4})-(\d{1,2})$/) || []).map(Number);
  const fits = layers[layer] && rank >= 1 && rank <= layers[layer].filters && stop < stops.length;
  return fits ? { layer, rank, energy: stops[stop] } : null;
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first");
  const layers = model.get("layers"), names = model.get("names"), stops = model.get("stops");
  const key = `energy-curve-${layers.length}-${layers.reduce((sum, { filters }) => sum + filters, 0)}`;
  const link = newLink(scope, model, el, key, (text) => fromLink(text, layers, stops));
  const sliders = [["layer", "Layer", 0, layers.length - 1], ["rank", "Rank, filters of the basis", 1, 1], ["energy", "Energy to keep", 0, stops.length - 1]];
  el.classList.add("effdl", "effdl-energy");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(model.get("task"))}</p>
    <div class="effdl-columns">
      <div class="effdl-picture"></div>
      <div>
        ${sliders.map(([name, label, low, high]) => `<label for="${id}-${name}">${label}<output></output></label>
          <input id="${id}-${name}" type="range" min="${low}" max="${high}" step="1">`).join("")}
        <div class="effdl-buttons" role="group" aria-label="The rank that this energy needs"><span>Its rank</span>
          ${names.map(() => '<button type="button" class="effdl-take"></button>').join("")}</div>
        <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div>
        <div class="effdl-says" aria-live="polite"></div>
      </div>
    </div>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Ranks of the layers"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const inputs = findAll("input"), outputs = findAll("output"), takers = findAll(".effdl-take");
  const stopOf = (energy) => Math.max(0, stops.findIndex((stop) => stop >= energy));
  let drawn;

  function draw(number, rank, energy, needs) {
    const { picture, filters, shares } = layers[number];
    if (drawn !== number) find("effdl-picture").innerHTML = picture;
    drawn = number;
    const x = (value) => (44 + 342 * value / filters).toFixed(1), y = (share) => (236 - 200 * share).toFixed(1);
    find("rank").setAttribute("d", `M${x(rank)} 36V236`);
    find("goal").setAttribute("d", `M44 ${y(energy)}H386`);
    findAll(".need").forEach((need, i) => need.setAttribute("d", `M${x(needs[i])} ${y(energy)}V236`));
    findAll(".dot").forEach((dot, i) => dot.setAttribute("transform", `translate(${x(rank)} ${y(shares[i][rank - 1])})`));
  }

  function update() {
    const number = model.get("layer"), layer = layers[number], { filters, breakEven, shares } = layer;
    const rank = Math.min(model.get("rank"), filters), energy = model.get("energy"), stop = stopOf(energy);
    const needs = layer.ranks.map((ranks) => ranks[stop]), macs = (value) => percent(value / breakEven);
    const error = (share) => percent(Math.sqrt(1 - share));
    draw(number, rank, energy, needs);
    const texts = [`${layer.name}, ${layer.size}`, `${rank} of ${filters}`, percent(energy)];
    inputs[0].disabled = layers.length === 1;
    inputs[1].max = filters;
    [number, rank, stop].forEach((value, i) => {
      inputs[i].value = value;
      inputs[i].setAttribute("aria-valuetext", outputs[i].textContent = texts[i]);
    });
    takers.forEach((taker, i) => {
      taker.textContent = `${names[i]}: ${needs[i]}`;
      taker.setAttribute("aria-pressed", String(needs[i] === rank));
    });
    link.set([number, rank, stop].join("-"));
    find("effdl-says").innerHTML = `<p><span class="effdl-title">Rank ${rank}: the pair needs ${macs(rank)} of the layer's
      MACs${rank < breakEven ? "" : ", so nothing is saved"}.</span> Break-even at rank ${plain(breakEven)}.</p>
      ${names.map((name, i) => `<p><strong>${escapeHtml(name)}:</strong> ${percent(shares[i][rank - 1])} of the energy kept, relative error of
        the weights √(1 − energy) = ${error(shares[i][rank - 1])}. To keep ${percent(energy)} takes rank ${needs[i]}, ${macs(needs[i])} of
        the MACs${needs[i] < breakEven ? "" : ": nothing is saved"}.</p>`).join("")}`;
    const every = Math.ceil(filters / 64), ranks = shares[0].map((_, i) => i + 1).filter((one) => one % every === 0 || one === filters);
    find("effdl-scroll").innerHTML = tableHtml(`Ranks that keep ${percent(energy)} of the energy, and the MACs of the pair`, [
      ["Layer", "Filters × weights", "Break-even rank", ...names.flatMap((name) => [`Rank, ${name}`, `MACs, ${name}`])],
      ...layers.map((one) => [one.name, one.size, plain(one.breakEven),
        ...one.ranks.flatMap((own) => [own[stop], percent(own[stop] / one.breakEven)])]),
    ]) + tableHtml(`Ranks of ${layer.name}, ${layer.size}`, [
      ["Rank", "MACs", ...names.flatMap((name) => [`Energy, ${name}`, `Error, ${name}`])],
      ...ranks.map((one) => [one, macs(one), ...shares.flatMap((own) => [percent(own[one - 1]), error(own[one - 1])])]),
    ]);
  }

  const needed = (layer, network) => layers[layer].ranks[network][stopOf(model.get("energy"))];
  const changes = [
    (layer) => ({ layer, rank: needed(layer, 0) }),
    (rank) => ({ rank }),
    (stop) => ({ energy: stops[stop] }),
  ];
  inputs.forEach((input, i) => scope.listen(input, "input", () => setTraits(model, changes[i](+input.value))));
  takers.forEach((taker, i) => scope.listen(taker, "click", () => setTraits(model, { rank: needed(model.get("layer"), i) })));
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, first));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
