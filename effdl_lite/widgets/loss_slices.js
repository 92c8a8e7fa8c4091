// What a link says; null if it is damaged, or made for other slices.
function fromLink(text, alphas) {
  const [, index, view] = text.match(/^(\d{1,3})_(loss|rise)$/) || [];
  return alphas[index] === undefined ? null : { alpha: alphas[index], view };
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first"), data = model.get("data");
  const { alphas, positions, names, means, rises, texts, views, of, head, task, hint } = data;
  const key = `loss-slices-${names.length}-${alphas.length}`, link = newLink(scope, model, el, key, (text) => fromLink(text, alphas));
  el.classList.add("effdl", "effdl-slices");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(task)}</p>
    <div class="effdl-columns"><div class="effdl-picture"></div><div>
      <div class="effdl-buttons" role="group" aria-label="Show"><span>Show</span>${[["rise", "rise since α = 0"], ["loss", "loss"]]
        .map(([view, text]) => `<button type="button" class="effdl-view" value="${view}">${text}</button>`).join("")}</div>
      <label for="${id}">α, along the direction<output></output></label><input id="${id}" type="range" min="0" max="${alphas.length - 1}" step="1">
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div>
      <div class="effdl-says" aria-live="polite"></div></div></div>
    <p class="effdl-hint">${escapeHtml(hint)}</p>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Losses of the networks"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), findAll = (query) => [...el.querySelectorAll(query)];
  const input = el.querySelector("input"), output = el.querySelector("output"), choosers = findAll(".effdl-view");
  let drawn;

  function draw(view, alpha, values) {
    const [picture, left, right, low, high] = views[view];
    if (drawn !== view) find("effdl-picture").innerHTML = picture;
    drawn = view;
    const x = (52 + 334 * (alpha - left) / (right - left)).toFixed(1), y = (value) => (246 - 210 * (value - low) / (high - low)).toFixed(1);
    find("here").setAttribute("d", `M${x} 36V246`);
    findAll(".dot").forEach((dot, i) => dot.setAttribute("transform", `translate(${x} ${y(values[i])})`));
  }

  function update() {
    const alpha = model.get("alpha"), view = model.get("view"), index = alphas.indexOf(alpha);
    const now = rises.map((own) => own[index]);
    draw(view, alpha, view === "rise" ? now : means.map((own) => own[index]));
    input.value = index;
    input.setAttribute("aria-valuetext", output.textContent = positions[index]);
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(button.value === view)));
    link.set(`${index}_${view}`);
    const lowest = names[now.indexOf(Math.min(...now))], [title, all] = [`At α = ${positions[index]}`, names.map((name, i) => [name, ...texts[index][i]])];
    const says = alpha === 0 ? "these are the trained networks" : names.length > 1 ? `the loss rises least for ${escapeHtml(lowest)}` : `the loss rises by ${texts[index][0][4]}`;
    find("effdl-says").innerHTML = `<p><span class="effdl-title">${title} ${says}.</span></p>
      ${all.map(([name, , here, low, high, rise, ratio], i) => `<p><strong>${escapeHtml(name)}:</strong> loss ${here}, a rise of ${rise}${
        i && ratio !== "–" ? `, ${ratio} times that of ${escapeHtml(names[0])}` : ""}.${low === high ? "" : ` Directions from ${low} to ${high}.`}</p>`).join("")}`;
    find("effdl-scroll").innerHTML = tableHtml(`Losses at α = ${positions[index]}, ${of}`, [head, ...all])
      + tableHtml(`Mean losses of all directions, ${of}`, [["α", ...names], ...positions.map((one, i) => [one, ...texts[i].map((own) => own[1])])]);
  }

  scope.listen(input, "input", () => setTraits(model, { alpha: alphas[+input.value] }));
  choosers.forEach((button) => scope.listen(button, "click", () => setTraits(model, { view: button.value })));
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, first));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
