// The moving parts of the drawing; the same as in ternary_walk_picture.py.
const signed = (number, digits = 3) => plain(number, digits).replace("-", "−");
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const stepX = (step) => (46 + 100 * Math.log10(step)).toFixed(1);

// `find` gives a part of the drawing by its class, `averages` are those of all steps.
function drawWalk(find, { gradient, averages, last, element, workers }) {
  const scaler = largestOf(gradient), variances = variancesOf(gradient), steps = averages.length, g = gradient[element];
  const column = (i) => 46 + 300 * (i + 0.5) / gradient.length, level = (value) => 122 - 80 * within(value / scaler, -1.15, 1.15);
  const height = (value) => (190 - 150 * within(value * (g < 0 ? -1 : 1) / scaler, 0, 1)).toFixed(1);
  find("names").innerHTML = gradient.map((value, i) => `<text x="${column(i).toFixed(1)}" y="222">${signed(value)}</text>`).join("");
  find("columns").innerHTML = gradient.map((value, i) => {
    const error = Math.sqrt(variances[i] / (workers * steps)), x = column(i), top = level(value + 2 * error), bottom = level(value - 2 * error);
    return `<rect class="band" x="${(x - 13).toFixed(1)}" y="${top.toFixed(1)}" width="26" height="${(bottom - top).toFixed(1)}" fill="currentColor" fill-opacity=".2"/>
      <path class="truth" d="M${(x - 15).toFixed(1)} ${level(value).toFixed(1)}h30" fill="none" stroke="currentColor" stroke-width="2.4"/>
      <path class="last" transform="translate(${x.toFixed(1)} ${level(last[i]).toFixed(1)})" d="M0 -7l6 7l-6 7l-6 -7z" fill="none" stroke="currentColor" stroke-width="2"/>
      <circle class="average" cx="${x.toFixed(1)}" cy="${level(averages.at(-1)[i]).toFixed(1)}" r="4.5" fill="currentColor"/>`;
  }).join("");
  find("walk-title").textContent = `Element ${element + 1}: its average after each step; it is ${signed(g)}`;
  find("walk-1").textContent = g < 0 ? "−s" : "s";
  const stops = Array.from({ length: 31 }, (_, i) => 10 ** (i / 10));
  const edge = (sign) => stops.map((step) => `${stepX(step)},${height(g + sign * 2 * Math.sqrt(variances[element] / (workers * step)))}`);
  find("walk-band").setAttribute("points", [...edge(1), ...edge(-1).reverse()].join(" "));
  find("walk-truth").setAttribute("d", `M46 ${height(g)}H346`);
  find("walk-line").setAttribute("points", averages.map((mean, i) => `${stepX(i + 1)},${height(mean[element])}`).join(" "));
  find("walk-now").setAttribute("cx", stepX(steps));
  find("walk-now").setAttribute("cy", height(averages.at(-1)[element]));
}
