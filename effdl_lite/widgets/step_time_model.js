const inRange = (value, name, stops) => (name === "codec" && value === 0) || (value <= Math.max(...stops)
  && value >= Math.min(...stops.filter((stop) => stop || name === "latency")));

// What a link says; null if it is damaged.
function fromLink(text, { networks, exchanges, workers: numbers, choices }) {
  const parts = text.split("_"), names = ["bandwidth", "latency", "compute", "codec"];
  if (parts.length !== 8 || !parts.every((part) => /^\d+(\.\d+)?$/.test(part))) return null;
  const [network, exchange, last, workers, ...values] = parts.map(Number);
  const fits = networks[network] && exchanges[exchange] && last <= 1 && numbers.includes(workers)
    && names.every((name, i) => inRange(values[i], name, choices[name]));
  if (!fits) return null;
  return { network: networks[network].name, exchange: exchanges[exchange], last_float: last === 1, workers,
    ...Object.fromEntries(names.map((name, i) => [name, values[i]])) };
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), first = model.get("first"), data = model.get("data");
  const { networks, exchanges, workers: numbers, choices, codecs, grid, head, networksHead, task, hint } = data;
  const link = newLink(scope, model, el, "step-time", (text) => fromLink(text, data)), stops = { workers: numbers, ...choices };
  const labels = { workers: "Workers", bandwidth: "Bandwidth of a link", latency: "Latency", compute: "Compute of a step", codec: "Codec, fp32 gradient a second" };
  const buttons = (label, trait, texts) => `<div class="effdl-buttons" role="group" aria-label="${label}"><span>${label}</span>
    ${texts.map((text, i) => `<button type="button" data-trait="${trait}" value="${i}">${text}</button>`).join("")}</div>`;
  const values = { network: networks.map(({ name }) => name), exchange: exchanges, last_float: [false, true] };
  el.classList.add("effdl", "effdl-steps");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${escapeHtml(task)}</p>
    ${buttons("Network", "network", values.network)}
    <div class="effdl-pair">${buttons("Exchange", "exchange", exchanges)}${buttons("Last layer", "last_float", ["ternary", "fp32"])}</div>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div>
      ${Object.entries(labels).map(([name, label]) => `<label for="${id}-${name}">${label}<output></output></label>
        <input id="${id}-${name}" type="range" min="0" max="${stops[name].length - 1}" step="1">`).join("")}
      <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div>
      <div class="effdl-says" aria-live="polite"></div></div></div>
    <p class="effdl-hint">${escapeHtml(hint)}</p>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of ways and networks"></div></details>`;
  const find = (name) => el.querySelector(`.${name}`), inputs = [...el.querySelectorAll("input")], outputs = [...el.querySelectorAll("output")];
  const choosers = [...el.querySelectorAll("[data-trait]")], valueOf = ({ dataset, value }) => values[dataset.trait][value];
  const shown = { workers: String, bandwidth: (value) => withUnit(value, "bit/s"), latency: seconds, compute: seconds,
    codec: (value) => (value ? withUnit(value, "B/s") : "takes no time") };
  const below = (bandwidth) => (bandwidth === Infinity ? "always" : bandwidth ? withUnit(8 * bandwidth, "bit/s") : "never");
  // A value set from Python, or a network's own compute time, may lie between two stops.
  const stopOf = (name, value) => stops[name].findIndex((stop) => stop === value || (stop > value && (name !== "codec" || value)));

  function update() {
    const now = Object.fromEntries(Object.keys(first).map((name) => [name, model.get(name)]));
    const { workers, codec, compute, last_float: last } = now, index = values.network.indexOf(now.network);
    const cluster = { workers, bandwidth: now.bandwidth / 8, latency: now.latency, gather: now.exchange === exchanges[1] };
    const workOf = (network, own) => ({ ...network.works[+last], compute: own }), work = workOf(networks[index], compute);
    const times = stepTimes(cluster, work, codec, codecs), [float, two, three] = times;
    const all = grid.map((bits) => stepTimes({ ...cluster, bandwidth: bits / 8 }, work, codec, codecs).map(({ speedup }) => speedup));
    drawSteps(el, times, codecs.map((_, i) => all.map((speedups) => speedups[i + 1])), grid, now.bandwidth);
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(valueOf(button) === now[button.dataset.trait])));
    Object.keys(labels).forEach((name, i) => {
      inputs[i].value = stopOf(name, now[name]);
      inputs[i].setAttribute("aria-valuetext", outputs[i].textContent = shown[name](now[name]));
    });
    link.set([index, exchanges.indexOf(now.exchange), +last, workers, now.bandwidth, now.latency, compute, codec].join("_"));
    const verdict = ({ speedup }) => (workers === 1 ? "nothing to send" : speedup >= 1 ? `${plain(speedup)} times as fast` : `slower, ${plain(speedup)} times as fast`);
    const pays = ({ paysBelow }) => (paysBelow === Infinity ? "pays at any bandwidth" : paysBelow ? `pays below ${below(paysBelow)}` : "pays at no bandwidth");
    const codecText = (time) => (time.codec ? ` + codec ${seconds(time.codec)}` : "");
    find("effdl-says").innerHTML = `<p><span class="effdl-title">${now.network} with 2 bits: ${verdict(two)}; base 3: ${verdict(three)}.</span></p>
      <p>fp32: compute ${seconds(compute)} + network ${seconds(float.network)}, ${plain(100 * float.network / float.step)}\u00a0% of the step.
      2 bits: network ${seconds(two.network)}${codecText(two)}.</p>${workers === 1 ? "" : `<p>2 bits ${pays(two)}, base 3 ${pays(three)}.</p>`}`;
    const setting = `${now.exchange}, ${workers === 1 ? "1 worker" : `${workers} workers`}, ${shown.bandwidth(now.bandwidth)}, latency ${seconds(now.latency)}, ${
      codec ? `codec ${shown.codec(codec)}` : "no time for the codec"}, last layer ${last ? "in fp32" : "ternary"}`;
    const count = (number) => number.toLocaleString("en-US");
    find("effdl-scroll").innerHTML = tableHtml(`${now.network}, ${seconds(compute)} of compute: ${setting}`, [head, ...times.map((time, i) => [time.way,
      ...[time.compute, time.network, time.codec, time.step].map(seconds), plain(time.speedup), withUnit(time.sent, "B"), i ? below(time.paysBelow) : "–"])])
      + tableHtml(`Speed-up of all networks: ${setting}`, [networksHead, ...networks.map((network) => {
        const own = workOf(network, network.compute), gains = stepTimes(cluster, own, codec, codecs).slice(1).map(({ speedup }) => plain(speedup));
        return [network.name, count(own.weights), count(own.rest), short(network.macs), seconds(network.compute), ...gains];
      })]);
  }

  inputs.forEach((input, i) => {
    const name = Object.keys(labels)[i];
    scope.listen(input, "input", () => setTraits(model, { [name]: stops[name][+input.value] }));
  });
  choosers.forEach((button) => scope.listen(button, "click", () => setTraits(model, button.dataset.trait === "network"
    ? { network: valueOf(button), compute: networks[+button.value].compute } : { [button.dataset.trait]: valueOf(button) })));
  scope.listen(find("effdl-reset"), "click", () => setTraits(model, first));
  scope.watch(Object.keys(first), update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
