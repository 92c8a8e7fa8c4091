// A browser may refuse storage (private windows, file://); the guess then lasts as long as the page.
const storage = {
  read(key) {
    try {
      const text = localStorage.getItem(`effdl:${key}`);
      return text === null || text === "" || !Number.isFinite(+text) ? null : +text;
    } catch { return null; }
  },
  write(key, value) {
    try {
      if (value === null) localStorage.removeItem(`effdl:${key}`);
      else localStorage.setItem(`effdl:${key}`, String(value));
    } catch { /* nothing is kept */ }
  },
};

function ratioText(guess, answer) {
  if (guess === answer) return "Your guess is exactly the measured number.";
  if (answer === 0 || guess === 0 || Math.sign(guess) !== Math.sign(answer)) return `Your guess is off by ${plain(guess - answer)}.`;
  const ratio = guess / answer;
  const factor = plain(ratio >= 1 ? ratio : 1 / ratio);
  return `Your guess is ${factor} times too ${ratio >= 1 === answer > 0 ? "high" : "low"} (guess / measured = ${plain(ratio)}).`;
}

function render({ model, el }) {
  const scope = newScope(model, el), id = newId(), key = model.get("key");
  const low = model.get("low"), high = model.get("high"), unit = model.get("unit");
  const limit = (name, value) => (value === null || value === undefined ? "" : `${name}="${value}"`);
  el.classList.add("effdl", "effdl-predict");
  el.innerHTML = `
    <p class="effdl-title">Before you read on</p>
    <form novalidate>
      <label for="${id}">${escapeHtml(model.get("question"))}</label>
      <div class="effdl-buttons"><input id="${id}" type="number" inputmode="decimal" ${limit("min", low)} ${limit("max", high)}
        step="${model.get("step") ?? "any"}" aria-describedby="${id}-unit"><span id="${id}-unit">${escapeHtml(unit)}</span>
        <button type="submit">Commit</button></div>
    </form>
    <div aria-live="polite"></div>
    <button type="button" class="effdl-change" hidden>Change my guess</button>`;
  const form = el.querySelector("form"), input = el.querySelector("input");
  const result = el.querySelector("[aria-live]"), change = el.querySelector(".effdl-change");
  const withUnit = (value) => escapeHtml(`${plain(value, 6)} ${unit}`.trim());

  function update() {
    const guess = model.get("guess"), answer = model.get("answer");
    const open = guess === null || guess === undefined;
    form.querySelector(".effdl-buttons").hidden = !open;
    change.hidden = open;
    if (open) result.innerHTML = "";
    else if (answer === null || answer === undefined) {
      result.innerHTML = `<p>Your guess: <strong>${withUnit(guess)}</strong>. Now measure it below.</p>`;
    } else {
      result.innerHTML = `${tableHtml("Guess and measurement", [["What", "Number"],
        ["Your guess", `${plain(guess, 6)} ${unit}`], ["Measured", `${plain(answer, 6)} ${unit}`]])}<p>${ratioText(guess, answer)}</p>`;
    }
  }
  scope.listen(form, "submit", (event) => {
    event.preventDefault();
    const guess = input.valueAsNumber;
    if (!Number.isFinite(guess) || (low !== null && guess < low) || (high !== null && guess > high)) {
      const ends = [low !== null ? `at least ${plain(low, 6)}` : "", high !== null ? `at most ${plain(high, 6)}` : ""].filter(Boolean);
      result.innerHTML = `<p>Please write a number${ends.length ? `, ${ends.join(" and ")}` : ""}.</p>`;
      input.setAttribute("aria-invalid", "true");
      return input.focus();
    }
    input.removeAttribute("aria-invalid");
    storage.write(key, guess);
    setTraits(model, { guess });
    change.focus();
  });
  scope.listen(change, "click", () => {
    input.value = model.get("guess");
    storage.write(key, null);
    setTraits(model, { guess: null });
    input.focus();
  });
  scope.watch(["guess", "answer"], update);
  const kept = storage.read(key);
  if (kept !== null && model.get("guess") === null) setTraits(model, { guess: kept });
  update();
  return scope.close;
}
export default { render };
