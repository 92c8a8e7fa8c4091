// What is left of a matrix when blocks [name, top, bottom, left, right] of it are zero; as in sparsity_groups.py.
function matrixLeft(blocks, height, width) {
  const zero = Array.from({ length: height }, () => Array(width).fill(false));
  for (const [, top, bottom, left, right] of blocks) {
    for (let row = top; row < bottom; row++) zero[row].fill(true, left, right);
  }
  const size = height * width, zeros = zero.flat().filter(Boolean).length;
  const rows = [...zero.keys()].filter((row) => zero[row].includes(false));
  const columns = [...zero[0].keys()].filter((column) => zero.some((row) => !row[column]));
  return { zero, zeros, rows, columns, sparse: 1 - zeros / size, dense: rows.length * columns.length / size };
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), f = model.get("frame");
  const { order, notes, groups } = model.get("kinds");
  const height = model.get("filters"), area = model.get("kernel") ** 2, width = model.get("channels") * area, size = height * width;
  el.classList.add("effdl", "effdl-groups");
  el.innerHTML = `
    <p class="effdl-task"><strong>Task.</strong> Halve the multiply-accumulates (MACs) of the dense matrix with as few
      clicks as you can. Then try it with 2-D filters.</p>
    <div class="effdl-buttons" role="group" aria-label="Kind of group"><span>A group is a</span>
      ${order.map((kind) => `<button type="button" data-kind="${kind}">${kind}</button>`).join("")}</div>
    <div class="effdl-columns">
      <div>${model.get("picture")}</div>
      <div>
        <label for="${id}">Group<output for="${id}"></output></label>
        <input id="${id}" type="range" min="0" step="1">
        <div class="effdl-buttons"><button type="button" class="effdl-toggle"></button><button type="button" class="effdl-reset">Reset</button></div>
        <div class="effdl-says" aria-live="polite"></div>
        <p class="effdl-hint"><span></span> Click in the picture, or move the slider with the arrow keys and press Enter.</p>
      </div>
    </div>
    <details><summary>All kinds as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="Kinds of groups">
      ${tableHtml("Kinds of groups in this layer", model.get("rows"))}</div></details>`;
  const svg = el.querySelector("svg"), slider = el.querySelector("input"), output = el.querySelector("output");
  const button = el.querySelector(".effdl-toggle"), says = el.querySelector(".effdl-says");
  const cells = [...svg.querySelectorAll(".weights path")], labels = [...svg.querySelectorAll(".row-name")];
  const buttons = [...el.querySelectorAll("[data-kind]")];

  // Each kind keeps its own groups removed while another kind is looked at.
  function now() {
    const kind = model.get("kind"), removed = model.get("removed")[kind] || [];
    return { kind, removed, here: groups[kind], i: Math.min(model.get("selected"), groups[kind].length - 1) };
  }

  const box = (row, column) => cells[row * width + column].getAttribute("d").match(/[\d.]+/g).map(Number);
  function around(top, bottom, left, right) {
    const [x, y] = box(top, left), [x1, y1, w, h] = box(bottom - 1, right - 1);
    return `M${x - 2} ${y - 2}H${x1 + w + 2}V${y1 + h + 2}H${x - 2}z`;
  }

  function draw({ zero, rows, columns }, [, top, bottom, left, right]) {
    cells.forEach((cell, i) => {
      const row = Math.floor(i % size / width), column = i % width;
      let name = zero[row][column] ? "zero" : "kept";
      if (i >= 2 * size) {
        const x = columns.indexOf(column), y = rows.indexOf(row);
        if (x < 0 || y < 0) name = "gone";
        cell.setAttribute("transform", `translate(${(x - column) * f.width} ${(y - row) * f.height})`);
      }
      cell.setAttribute("class", name);
    });
    // A column is one cell in a kernel of every filter; the other groups are whole kernels side by side.
    let outline = around(height + top, height + bottom, left, right);
    const step = right - left >= area ? bottom - top : 1;
    for (let row = top; row < bottom; row += step) outline += around(row, row + step, left, right);
    svg.querySelector(".chosen").setAttribute("d", outline);
    svg.querySelector(".rest").textContent = `The dense matrix that is left: ${rows.length} × ${columns.length}`;
  }

  function update() {
    const { kind, removed, here, i } = now(), isGone = removed.includes(i);
    const [name, top, bottom, from, to] = here[i], weights = (bottom - top) * (to - from);
    const left = matrixLeft(removed.map((group) => here[group]), height, width);
    const by = (rows, columns) => `${rows}\u00a0×\u00a0${columns}`;
    const percent = (share) => `${plain(100 * share)}\u00a0%`, s = (count) => (count === 1 ? "" : "s");
    draw(left, here[i]);
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.kind === kind)));
    slider.max = here.length - 1;
    slider.value = i;
    slider.disabled = here.length === 1;
    slider.setAttribute("aria-valuetext", `${name}, ${isGone ? "removed" : "kept"}`);
    output.textContent = `${i + 1} of ${here.length}`;
    button.textContent = isGone ? "Restore it" : "Remove it";
    el.querySelector(".effdl-hint span").textContent = notes[kind];
    const wasted = left.dense - left.sparse > 1e-9 ? " The zeros inside it are multiplied all the same." : "";
    says.innerHTML = `<p><span class="effdl-title"><code>${name}</code> is ${isGone ? "zero" : "kept"}.</span>
      ${here.length} group${s(here.length)} of this kind in the layer; this one has ${weights} weight${s(weights)} and
      its penalty is weighed with √${weights} = ${plain(Math.sqrt(weights))}.</p>
      <p>${removed.length} removed: ${left.zeros} of ${size} weights are zero. Skipping every zero would leave
      ${percent(left.sparse)} of the MACs.</p>
      <p><strong>Dense matrix: ${by(left.rows.length, left.columns.length)} instead of ${by(height, width)},
      ${percent(left.dense)} of the MACs.</strong>${wasted}</p>`;
  }

  function toggle() {
    const { kind, removed, i } = now();
    const next = removed.includes(i) ? removed.filter((other) => other !== i) : [...removed, i];
    setTraits(model, { removed: { ...model.get("removed"), [kind]: next } });
  }

  // The group below the pointer, -1 for none; a row's label stands for groups that are whole rows.
  function groupAt({ target }) {
    const { here } = now(), cell = cells.indexOf(target), label = labels.indexOf(target);
    const covers = (row, from, to) => ([, top, bottom, left, right]) => row >= top && row < bottom && left <= from && right > to;
    if (label >= 0) return here.findIndex(covers(label % height, 0, width - 1));
    if (cell < 0 || cell >= 2 * size) return -1;
    // The last one: of a row and a column that cross here, the column
    return here.findLastIndex(covers(Math.floor(cell % size / width), cell % width, cell % width));
  }
  const choose = (group) => group !== model.get("selected") && setTraits(model, { selected: group });

  scope.listen(svg, "pointermove", (event) => {
    const group = groupAt(event);
    svg.style.cursor = group < 0 ? "" : "pointer";
    if (group >= 0 && event.pointerType !== "touch") choose(group);
  });
  scope.listen(svg, "click", (event) => {
    const group = groupAt(event);
    if (group < 0) return;
    choose(group);
    toggle();
    slider.focus({ preventScroll: true });
  });
  scope.listen(slider, "input", () => choose(+slider.value));
  scope.listen(slider, "keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  scope.listen(button, "click", toggle);
  scope.listen(el.querySelector(".effdl-reset"), "click", () => setTraits(model, { removed: {}, selected: 0 }));
  buttons.forEach((one) => scope.listen(one, "click", () => setTraits(model, { kind: one.dataset.kind, selected: 0 })));
  scope.watch(["kind", "selected", "removed"], update);
  update();
  return scope.close;
}
export default { render };
