function render({ model, el }) {
  const scope = newScope(model, el), { places, methods, rows, order: names } = model.get("content");
  const papersAt = (number) => names.filter((name) => methods[name][number]);
  el.classList.add("effdl", "effdl-step");
  el.innerHTML = `
    <div class="effdl-buttons" role="group" aria-label="Papers">
      <span>Where does it act?</span>
      ${names.map((name) => `<button type="button" data-method="${name}">${name}</button>`).join("")}
    </div>
    <div class="effdl-columns"><div>${model.get("picture")}</div><div class="effdl-panel" aria-live="polite"></div></div>
    <details><summary>All places as a table</summary><div class="effdl-scroll" tabindex="0" role="region" aria-label="The five places">
      ${tableHtml("The five places of the training step", rows)}</div></details>`;
  const svg = el.querySelector("svg"), panel = el.querySelector(".effdl-panel");
  const groups = [...svg.querySelectorAll(".place")], buttons = [...el.querySelectorAll("[data-method]")];

  // The same drawing as on paper, but its places are buttons; an image may not hold buttons.
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", "The training step: five places");
  groups.forEach((group, i) => {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.setAttribute("aria-label", `Place ${i + 1}, ${places[i].hook}: ${papersAt(i + 1).join(", ")}`);
    const toggle = () => setTraits(model, { place: model.get("place") === i + 1 ? 0 : i + 1 });
    scope.listen(group, "click", () => {
      toggle();
      // On a phone the explanation stands below the picture.
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      panel.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    });
    scope.listen(group, "keydown", (event) => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (step) groups[(i + step + groups.length) % groups.length].focus();
      else if (event.key === "Enter" || event.key === " ") toggle();
      else return;
      event.preventDefault();
    });
  });
  buttons.forEach((button) => scope.listen(button, "click", () => {
    const name = button.dataset.method;
    setTraits(model, { place: 0, method: model.get("method") === name ? "" : name });
  }));

  const paper = (name, number, head) => {
    const { does, formula } = methods[name][number];
    return `<p><strong>${head}</strong> ${escapeHtml(does)}<span class="effdl-formula">${escapeHtml(formula).replace(/_(\w)/g, "<sub>$1</sub>")}</span></p>`;
  };

  function explain(place, method) {
    if (place) {
      const { number, hook, plain } = places[place - 1];
      return `<p class="effdl-title">${number} · <code>${hook}</code></p>
        <p><strong>Plain step.</strong> ${escapeHtml(plain)}</p>
        ${papersAt(number).map((name) => paper(name, number, `${name}.`)).join("")}
        <p>In the code: <code>Method.${hook}</code></p>`;
    }
    if (method) {
      const filled = Object.keys(methods[method]);
      return `<p class="effdl-title">${method} fills ${filled.length > 1 ? "places" : "place"} ${filled.join(" and ")}</p>
        ${filled.map((number) => paper(method, number, `${number} · <code>${places[number - 1].hook}</code>.`)).join("")}`;
    }
    return `<p class="effdl-title">One step, five places</p>
      <p>Every paper of the course changes one or two places of the same training step. Shards are the workers of a
      cluster, or ghost batches of one large batch: the loop is the same.</p>
      <p>Choose a place in the picture, or a paper above it.</p>`;
  }

  function update() {
    const place = model.get("place"), method = model.get("method");
    groups.forEach((group, i) => {
      const filled = Boolean(method && methods[method][i + 1]);
      group.classList.toggle("is-open", place === i + 1);
      group.classList.toggle("is-filled", filled);
      group.classList.toggle("is-empty", Boolean(method) && !filled);
      group.setAttribute("aria-pressed", String(place === i + 1));
      group.querySelector(".who").textContent = papersAt(i + 1).map((name) => (name === method ? `✓ ${name}` : name)).join(" · ");
    });
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.method === method)));
    panel.innerHTML = explain(place, method);
  }
  scope.watch(["place", "method"], update);
  update();
  return scope.close;
}
export default { render };
