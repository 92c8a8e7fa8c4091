const SLIDERS = [
  ["channels", "Input channels C"],
  ["filters", "Filters N"],
  ["kernel", "Kernel size k"],
  ["size", "Map size H = W"],
  ["batch", "Batch"],
];

// The same as `layer_cost` in roofline.py.
function layerCost({ channels, filters, kernel, size, batch }) {
  const parameters = filters * channels * kernel ** 2;
  const macs = parameters * size ** 2 * batch;
  const bytes = 4 * (parameters + batch * size ** 2 * (channels + filters));
  return { parameters, macs, flops: 2 * macs, bytes, intensity: (2 * macs) / bytes };
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), choices = model.get("choices");
  const peak = model.get("peak_gflops"), bandwidth = model.get("bandwidth_gbs");
  const points = model.get("points"), machine = model.get("machine"), frame = model.get("frame");
  el.classList.add("effdl", "effdl-roofline");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> Find a layer that is limited by memory. Then change one slider only
      until it is limited by compute.</p>
    <div class="effdl-columns">
      <div>${model.get("picture")}
        <p class="effdl-legend"><span aria-hidden="true">●</span> your layer, at the roof
        ${points.map(({ name }, i) => `<br><span aria-hidden="true">◇</span> ${i + 1}: ${escapeHtml(name)}, measured`).join("")}</p></div>
      <div>
        ${SLIDERS.map(([name, label]) => `<label for="${id}-${name}">${label}<output for="${id}-${name}"></output></label>
          <input id="${id}-${name}" type="range" min="0" max="${choices[name].length - 1}" step="1">`).join("")}
        <div class="effdl-buttons"><button type="button">Reset</button></div>
      </div>
    </div>
    <p class="effdl-verdict" aria-live="polite"></p>
    <details><summary>The numbers as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of the roofline"></div></details>`;
  const verdict = el.querySelector(".effdl-verdict"), table = el.querySelector(".effdl-scroll");
  const inputs = SLIDERS.map(([name]) => el.querySelector(`#${id}-${name}`));
  const outputs = SLIDERS.map(([name]) => el.querySelector(`output[for="${id}-${name}"]`));
  const dot = el.querySelector("svg .layer");
  const limit = (intensity) => (intensity * bandwidth < peak ? "memory" : "compute");
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function update() {
    const layer = Object.fromEntries(SLIDERS.map(([name]) => [name, model.get(name)]));
    SLIDERS.forEach(([name], i) => {
      // A value set from Python may lie between two stops.
      const stop = choices[name].findIndex((choice) => choice >= layer[name]);
      inputs[i].value = stop < 0 ? choices[name].length - 1 : stop;
      inputs[i].setAttribute("aria-valuetext", layer[name]);
      outputs[i].textContent = layer[name];
    });
    const cost = layerCost(layer), by = limit(cost.intensity);
    const rate = Math.min(peak, cost.intensity * bandwidth), seconds = cost.flops / rate / 1e9;
    const x = frame.left + (Math.log10(cost.intensity) - frame.x0) / (frame.x1 - frame.x0) * (frame.right - frame.left);
    const y = frame.bottom - (Math.log10(rate) - frame.y0) / (frame.y1 - frame.y0) * (frame.bottom - frame.top);
    dot.setAttribute("transform", `translate(${clamp(x, frame.left, frame.right).toFixed(1)} ${clamp(y, frame.top, frame.bottom).toFixed(1)})`);
    verdict.innerHTML = `<span class="effdl-title">Limited by ${by}.</span>
      ${short(cost.parameters)} parameters (N·C·k²), ${short(cost.macs)} MACs (N·C·k²·H·W·batch), at least
      ${short(cost.bytes)}B moved: <strong>${plain(cost.intensity)} FLOP per byte</strong>; the roof has its corner at
      ${plain(peak / bandwidth)}. It allows ${short(rate * 1e9)}FLOP/s, so the layer takes at least ${short(seconds)}s.`;
    table.innerHTML = tableHtml(`Roofline of ${machine}: ${plain(peak)} GFLOP/s, ${plain(bandwidth)} GB/s`, [
      ["Name", "FLOP per byte", "GFLOP/s", "Limited by"],
      [`Roof of ${machine}: the corner`, plain(peak / bandwidth), plain(peak), "both"],
      ["Your layer: at best", plain(cost.intensity), plain(rate), by],
      ...points.map(({ name, intensity, gflops }) => [`Measured: ${name}`, plain(intensity), plain(gflops), limit(intensity)]),
    ]);
  }
  SLIDERS.forEach(([name], i) =>
    scope.listen(inputs[i], "input", () => setTraits(model, { [name]: choices[name][+inputs[i].value] })));
  scope.listen(el.querySelector("button"), "click", () => setTraits(model, model.get("start")));
  scope.watch(SLIDERS.map(([name]) => name), update);
  update();
  return scope.close;
}
export default { render };
