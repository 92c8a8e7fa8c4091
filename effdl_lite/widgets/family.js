// Helpers of all figures of the course; Python puts this text before each figure's own file.

const escapeHtml = (text) =>
  String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

// Several views stand in a page, each figure with a copy of this file: only chance makes every id new.
const newId = () => `effdl-${Math.random().toString(36).slice(2)}`;

// Three significant digits and a prefix of the SI; the same as `short` in figure.py.
function short(number) {
  if (!number || !Number.isFinite(number)) return String(number);
  let power = Math.min(Math.max(Math.floor(Math.log10(Math.abs(number)) / 3), -3), 4);
  if (Math.abs(+(number / 1000 ** power).toPrecision(3)) >= 1000 && power < 4) power += 1;
  const value = number / 1000 ** power;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(+value.toPrecision(3)))));
  return `${value.toFixed(digits)} ${["n", "µ", "m", "", "k", "M", "G", "T"][power + 3]}`.trim();
}

// So many significant digits and no prefix; the same as `plain` in figure.py.
const plain = (number, digits = 3) => String(+number.toPrecision(digits));

// Rounded to so many places, 1 or more, without zeros at its end; the same as `decimal` in figure.py.
const decimal = (number, places = 6) => number.toFixed(places).replace(/\.?0+$/, "").replace(/^-0$/, "0").replace("-", "−");

function tableHtml(caption, [head, ...rows]) {
  const cells = (row) => row.map((cell, i) => (i ? `<td>${escapeHtml(cell)}</td>` : `<th scope="row">${escapeHtml(cell)}</th>`));
  return `<table class="effdl-table"><caption>${escapeHtml(caption)}</caption>
    <thead><tr>${head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join("")}</tr></thead>
    <tbody>${rows.map((row) => `<tr>${cells(row).join("")}</tr>`).join("")}</tbody></table>`;
}

// A scope remembers listeners, so that one call removes them all when the view goes.
function newScope(model, el) {
  const stop = new AbortController(), watched = [];
  // JupyterLab takes arrow keys and letters as commands unless they stay inside.
  el.addEventListener("keydown", (event) => event.stopPropagation(), { signal: stop.signal });
  return {
    listen: (target, event, handler) => target.addEventListener(event, handler, { signal: stop.signal }),
    watch(names, handler) {
      for (const name of names) {
        model.on(`change:${name}`, handler);
        watched.push([name, handler]);
      }
    },
    close() {
      stop.abort();
      watched.forEach(([name, handler]) => model.off(`change:${name}`, handler));
    },
  };
}

function setTraits(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// A link that restores the state that it was taken from: `#name=text`. `read` gives the traits that a text stands for,
// null if it is damaged. `set` is told the text of the state that is shown; `follow` obeys the page's address.
function newLink(scope, model, el, name, read) {
  const prefix = `#${name}=`;
  function obey() {
    const state = location.hash.startsWith(prefix) && read(location.hash.slice(prefix.length));
    if (!state) return;
    setTraits(model, state);
    el.scrollIntoView();
  }
  return {
    set: (text) => el.querySelector(".effdl-link").setAttribute("href", prefix + text),
    follow() {
      scope.listen(window, "hashchange", obey);
      obey();
    },
  };
}

// A slider over the whole numbers 1..most with a field to type in, at the end of `place`. `change` is told a new number;
// what is returned shows one.
function newTypedSlider(scope, place, label, most, change) {
  const id = newId(), box = document.createElement("div");
  box.innerHTML = `<label for="${id}">${escapeHtml(label)}
      <input id="${id}" type="number" inputmode="numeric" min="1" max="${most}" step="1" aria-describedby="${id}-wrong"></label>
    <input type="range" min="1" max="${most}" step="1" aria-label="${escapeHtml(label)}">
    <p id="${id}-wrong" role="alert"></p>`;
  place.append(box);
  const [field, slider] = box.querySelectorAll("input"), wrong = box.querySelector("p");
  function complain(text) {
    field.setAttribute("aria-invalid", String(text !== ""));
    wrong.textContent = text;
  }
  scope.listen(slider, "input", () => change(+slider.value));
  scope.listen(field, "change", () => {
    const number = field.valueAsNumber;
    if (Number.isInteger(number) && number >= 1 && number <= most) change(number);
    else complain(`Please write a whole number from 1 to ${most}.`);
  });
  return (number) => {
    field.value = slider.value = number;
    complain("");
  };
}
