// The moving parts of the drawing; the same as in step_time_picture.py.
const withUnit = (value, unit, text = short(value)) => (/[a-zµ]$/i.test(text) ? text + unit : `${text} ${unit}`);
const seconds = (value) => (value < 1 ? withUnit(value, "s") : `${plain(value)} s`);
const bandwidthX = (bits) => (46 + 300 * (Math.log10(bits) - 7) / 4).toFixed(1);
const speedupY = (speedup) => (204 - 170 * (Math.min(Math.max(Math.log2(speedup), -2), 5) + 2) / 7).toFixed(1);

const fills = [
  ["compute", 'fill="currentColor" fill-opacity=".75"'],
  ["network", 'fill="currentColor" fill-opacity=".18" stroke="currentColor" stroke-width="1.5"'],
  ["codec", 'fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2 2"'],
];

// `times` are those of all ways, `curves` the speed-up of each codec at the bandwidths of `grid`.
function drawSteps(el, times, curves, grid, bandwidth) {
  const longest = Math.max(...times.map((time) => time.step)), x = bandwidthX(bandwidth);
  el.querySelector(".bars").innerHTML = times.map((time, i) => {
    const top = 26 + 50 * i;
    let start = 0;
    const parts = fills.map(([part, fill]) => {
      const width = 354 * time[part] / longest, left = start;
      start += width;
      return width ? `<rect class="${part}" x="${left.toFixed(2)}" y="${top + 19}" width="${width.toFixed(2)}" height="14" ${fill}/>` : "";
    });
    const head = i ? `${time.way}: ${plain(time.speedup)} times as fast` : time.way;
    return `<text class="way" x="0" y="${top + 12}">${head}</text><text class="sum" x="356" y="${top + 12}" text-anchor="end">${seconds(time.step)}</text>${parts.join("")}`;
  }).join("");
  el.querySelector(".here").setAttribute("d", `M${x} 34V204`);
  el.querySelectorAll(".curve").forEach((line, i) =>
    line.setAttribute("points", curves[i].map((value, j) => `${bandwidthX(grid[j])},${speedupY(value)}`).join(" ")));
  el.querySelectorAll(".dot").forEach((dot, i) => dot.setAttribute("transform", `translate(${x} ${speedupY(times[i + 1].speedup)})`));
}
