function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), frame = model.get("frame"), texts = model.get("texts");
  const points = model.get("points"), names = model.get("names"), markers = model.get("markers");
  const pointsOf = (series) => points.filter((point) => point.series === series);
  el.classList.add("effdl", "effdl-tradeoff");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(model.get("task"))}</p>
    <div class="effdl-columns">
      <div>${model.get("picture")}</div>
      <div>
        <div class="effdl-buttons" role="group" aria-label="Series">
          ${names.map((name, i) => `<button type="button" data-series="${i}"><svg class="s${i}" viewBox="-8 -8 16 16" aria-hidden="true"><path class="dot" d="${markers[i]}"/></svg>${escapeHtml(name)}</button>`).join("")}
        </div>
        <label for="${id}"><span>Point</span><output for="${id}"></output></label>
        <input id="${id}" type="range" min="0" step="1">
        <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button></div>
        <p class="effdl-says" aria-live="polite"></p>
      </div>
      <div class="effdl-layers"></div>
    </div>
    <details><summary>The numbers as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of all points">
      ${tableHtml(texts.caption, texts.rows)}</div></details>`;
  const svg = el.querySelector("svg"), slider = el.querySelector("input"), output = el.querySelector("output");
  const says = el.querySelector(".effdl-says"), layers = el.querySelector(".effdl-layers");
  const buttons = [...el.querySelectorAll("button[data-series]")], groups = [...svg.querySelectorAll(".series")];
  const ring = svg.querySelector(".ring"), guide = svg.querySelector(".guide");
  svg.querySelector(".legend").remove(); // the buttons carry the markers
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);

  function update() {
    const series = Math.min(model.get("series"), names.length - 1), own = pointsOf(series);
    const i = Math.min(model.get("index"), own.length - 1), { x, y, label, says: text, layers: kept } = own[i];
    buttons.forEach((button, number) => button.setAttribute("aria-pressed", String(number === series)));
    groups.forEach((group, number) => group.classList.toggle("is-chosen", number === series));
    slider.max = own.length - 1;
    slider.value = i;
    slider.disabled = own.length === 1;
    slider.setAttribute("aria-valuetext", label);
    output.textContent = `${i + 1} of ${own.length}`;
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    guide.setAttribute("d", `M${frame.left} ${y}H${x}V${frame.bottom}`);
    says.innerHTML = `<span class="effdl-title">${escapeHtml(names[series])}, ${escapeHtml(label)}:</span> ${escapeHtml(text)}`;
    layers.innerHTML = kept.length ? `<p>${escapeHtml(texts.layers)}</p><ul>${kept.map(([name, left, total]) => `
      <li><span>${escapeHtml(name)}</span><span class="effdl-bar" aria-hidden="true"><span style="width:${100 * left / total}%"></span></span>
      <span>${plain(left, 6)} of ${plain(total, 6)}</span></li>`).join("")}</ul>` : "";
  }
  buttons.forEach((button, series) => scope.listen(button, "click", () => setTraits(model, { series })));
  scope.listen(slider, "input", () => setTraits(model, { index: +slider.value }));
  groups.forEach((group, series) => [...group.querySelectorAll(".point")].forEach((point, index) =>
    scope.listen(point, "click", () => setTraits(model, { series, index }))));
  scope.listen(el.querySelector(".effdl-reset"), "click", () => setTraits(model, { series: 0, index: 0 }));
  scope.watch(["series", "index"], update);
  update();
  return scope.close;
}
export default { render };
