// Costs of the four parts for one word; the same as `part_costs` in lstm_parts.py counts on the model.
function partCosts(embedding, [first, second], vocabulary) {
  const part = (macs, biases) => ({ parameters: macs + biases, macs, bytes: 4 * (macs + biases) });
  const lstm = (inputs, units) => part(4 * units * (inputs + units), 8 * units);
  return [{ parameters: vocabulary * embedding, macs: 0, bytes: 4 * embedding },
    lstm(embedding, first), lstm(first, second), part(vocabulary * second, vocabulary)];
}

function countSizes(embedding, dense, { hidden, vocabulary, softmax }) {
  const counted = (sizes) => partCosts(embedding, sizes, vocabulary).slice(0, softmax ? 4 : 3);
  const [small, whole] = [counted(hidden), counted(dense)];
  const sum = (a, b) => ({ parameters: a.parameters + b.parameters, macs: a.macs + b.macs, bytes: a.bytes + b.bytes });
  const all = [small.reduce(sum), whole.reduce(sum)];
  return { small, whole, all, ratio: all[1].macs / all[0].macs };
}

const toLink = ({ hidden, vocabulary, softmax }) => [...hidden, vocabulary, +softmax].join("-");

// What a link says; null if it is damaged, or made for another model.
function fromLink(text, { dense, vocabularies }) {
  if (!/^\d+-\d+-\d+-[01]$/.test(text)) return null;
  const [first, second, vocabulary, softmax] = text.split("-").map(Number), hidden = [first, second];
  const fits = hidden.every((size, i) => size >= 1 && size <= dense[i]) && vocabularies.includes(vocabulary);
  return fits ? { hidden, vocabulary, softmax: softmax === 1 } : null;
}

function render({ model, el }) {
  const scope = newScope(model, el), sizes = model.get("sizes"), f = model.get("frame");
  const { embedding, dense, vocabularies, presets, cache_mb: cache } = sizes, points = model.get("points");
  const { task, hint, parts, head, measured } = model.get("texts"), keys = ["parameters", "macs", "bytes"];
  const link = newLink(scope, model, el, `lstm-sizes-${embedding}-${dense.join("-")}`, (text) => fromLink(text, sizes));
  const buttons = (label, name, texts) => `<div class="effdl-buttons" role="group" aria-label="${label}"><span>${label}</span>
    ${texts.map((text, i) => `<button type="button" data-set="${name}" value="${i}">${text}</button>`).join("")}</div>`;
  const pair = ([first, second]) => `${first} and ${second}`, count = (number) => number.toLocaleString("en-US");
  el.classList.add("effdl", "effdl-sizes");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> ${task}</p>
    <div class="effdl-columns">
      <div>${model.get("picture")}</div>
      <div>
        <div class="effdl-typed"></div>
        ${buttons("Sizes", "hidden", presets.map((preset) => preset.join(", ")))}
        ${buttons("Words", "vocabulary", vocabularies.map(count))}
        ${buttons("Softmax", "softmax", ["without", "with"])}
        <div class="effdl-buttons"><button type="button" class="effdl-reset">Reset</button><a class="effdl-link">Link to this state</a></div>
        <div class="effdl-says" aria-live="polite"></div>
        <p class="effdl-hint">${hint}</p>
      </div>
    </div>
    <details><summary>The numbers as tables</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Numbers of all parts">
      <div></div>${tableHtml(...measured)}</div></details>`;
  const find = (query) => el.querySelector(query), findAll = (query) => [...el.querySelectorAll(query)];
  const change = (i, size) => setTraits(model, { hidden: model.get("hidden").map((old, j) => (j === i ? size : old)) });
  const sliders = dense.map((most, i) => newTypedSlider(scope, find(".effdl-typed"), `Hidden size of LSTM ${i + 1}`, most, (size) => change(i, size)));
  const rows = findAll(".part"), marks = findAll(".point"), choosers = findAll("[data-set]");
  const values = { hidden: presets, vocabulary: vocabularies, softmax: [false, true] };
  const valueOf = ({ dataset, value }) => values[dataset.set][value];
  const x = (value) => f.left + (f.right - f.left) * Math.log(Math.min(value, f.high)) / Math.log(f.high);

  function draw(now, { small, whole, ratio }) {
    rows.forEach((row, i) => {
      const key = keys[Math.floor(i / 4)], part = i % 4, [of, to] = [small, whole].map((costs) => costs[part]?.[key]);
      const [bar, outline] = row.querySelectorAll("rect"), width = (value) => f.bar * (value || 0) / f.scale[key];
      bar.setAttribute("width", width(of));
      outline.setAttribute("width", width(to));
      const [text, full] = [of, to].map((value) => short(value) + (key === "bytes" ? "B" : ""));
      row.querySelector(".value").textContent = !whole[part] ? "left out" : !to ? "0, looked up" : of === to ? text : `${text} of ${full}`;
      row.classList.toggle("over", key === "bytes" && of > 1e6 * cache);
    });
    const [line, label] = find(".choice").children;
    line.setAttribute("d", `M${x(ratio)} ${f.top - 4}V${f.bottom}`);
    label.setAttribute("x", Math.min(Math.max(x(ratio), f.left + 36), f.right - 36));
    label.textContent = `${plain(ratio)} times${ratio > f.high ? " →" : ""}`;
    const shown = points.map((point) => point.vocabulary === now.vocabulary && point.softmax === now.softmax);
    marks.forEach((mark, i) => { mark.style.display = shown[i] ? "" : "none"; });
    find(".none").style.display = shown.includes(true) ? "none" : "";
    return points.filter((point, i) => shown[i] && String(point.hidden) === String(now.hidden));
  }

  function update() {
    const now = Object.fromEntries(Object.keys(values).map((name) => [name, model.get(name)])), { hidden } = now;
    const costs = countSizes(embedding, dense, now), { small, whole, all, ratio } = costs, here = draw(now, costs);
    const parameters = small.map((part) => part.parameters), most = Math.max(...parameters);
    const large = parts.filter((_, i) => small[i]?.bytes > 1e6 * cache);
    sliders.forEach((show, i) => show(hidden[i]));
    choosers.forEach((button) => button.setAttribute("aria-pressed", String(String(valueOf(button)) === String(now[button.dataset.set]))));
    link.set(toLink(now));
    const times = (value) => `${plain(value)} times fewer`, without = now.softmax ? "" : ", without the softmax";
    find(".effdl-says").innerHTML = `<p><span class="effdl-title">Hidden sizes ${pair(hidden)}${without}:
      ${ratio === 1 ? "the dense model" : `${times(ratio)} MACs`}.</span> ${short(all[0].macs)} of ${short(all[1].macs)} a word.</p>
      <p>${short(all[0].parameters)} of ${short(all[1].parameters)} parameters, ${times(all[1].parameters / all[0].parameters)}.
      The largest part: <strong>${parts[parameters.indexOf(most)]}</strong>, ${plain(100 * most / all[0].parameters)}\u00a0%.</p>
      <p>A time step reads ${short(all[0].bytes)}B of weights.
      ${large.length ? `Larger than a cache of ${plain(cache)} MB: ${large.join(", ")}.` : `Each part fits a cache of ${plain(cache)} MB.`}</p>
      <p>${here.map(({ mode, says, milliseconds }) => `<strong>${escapeHtml(mode)}: ${says} times as fast</strong>,
        ${plain(milliseconds)} ms.`).join(" ") || "Not measured at these sizes."}</p>`;
    const cells = (part, to) => keys.flatMap((key) => [part[key], to[key]].map((value) => (key === "bytes" ? `${short(value)}B` : count(value))));
    find(".effdl-scroll div").innerHTML = tableHtml(
      `Hidden sizes ${pair(hidden)}, ${count(now.vocabulary)} words, ${now.softmax ? "with" : "without"} the softmax: ${times(ratio)} MACs`,
      [head, ...small.map((part, i) => [parts[i], ...cells(part, whole[i])]), ["All", ...cells(...all)]]);
  }

  choosers.forEach((button) => scope.listen(button, "click", () => setTraits(model, { [button.dataset.set]: valueOf(button) })));
  scope.listen(find(".effdl-reset"), "click", () => setTraits(model, model.get("first")));
  scope.watch(Object.keys(values), update);
  update();
  link.follow();
  return scope.close;
}
export default { render };
