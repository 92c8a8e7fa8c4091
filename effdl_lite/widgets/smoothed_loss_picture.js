// The moving parts of the drawing; the same as in smoothed_loss_picture.py.
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const weightX = (w) => 190 + 52 * within(w, -3, 3);
const lossY = (loss) => 226 - 200 * within(loss, 0, 2.4) / 2.4;
const weightY = (w) => 100 - 70 * within(w, -3, 3) / 3;
const curveOf = (loss) => Array.from({ length: 201 }, (_, i) => (3 * i - 300) / 100)
  .map((w) => `${weightX(w).toFixed(1)},${lossY(valueAt(loss, w)).toFixed(1)}`).join(" ");

function probeOf(loss, w) {
  if (w === null || Math.abs(w) > 3) return "";
  const x = weightX(w), y = lossY(valueAt(loss, w)), tilt = -slopeAt(loss, w) * 200 / 2.4 / 52, dx = 16 / Math.sqrt(1 + tilt * tilt);
  return `M${(x - dx).toFixed(1)} ${(y - tilt * dx).toFixed(1)}L${(x + dx).toFixed(1)} ${(y + tilt * dx).toFixed(1)}M${(x - 4).toFixed(1)} ${y.toFixed(1)}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`;
}

// `find` gives a part of the drawing by its class, `last` is where SmoothOut took its last slope, null at the start.
function drawSmoothed(find, { loss, soft, minima, softMinima, a, plainPath, softPath, last }) {
  const set = (name, values) => Object.entries(values).forEach(([key, value]) => find(name).setAttribute(key, value));
  const now = softPath.at(-1), left = weightX(now - a).toFixed(1), right = weightX(now + a).toFixed(1);
  const place = (x, y) => ({ transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` }), center = (x, y) => ({ cx: x.toFixed(1), cy: y.toFixed(1) });
  const way = (path) => ({ points: path.map((w, step) => `${(46 + 1.5 * step).toFixed(1)},${weightY(w).toFixed(1)}`).join(" ") });
  const end = (path, put) => put(46 + 1.5 * (path.length - 1), weightY(path.at(-1)));
  set("own", { points: curveOf(loss) });
  set("soft", { points: curveOf(soft) });
  set("minima", { d: softMinima.map((w) => `M${weightX(w).toFixed(1)} ${(lossY(valueAt(soft, w)) + 5).toFixed(1)}l5 9h-10z`).join("") });
  set("reach", { d: `M${left} 213v10M${left} 218H${right}M${right} 213v10` });
  set("probe", { d: probeOf(loss, last) });
  set("plain-now", place(weightX(plainPath.at(-1)), lossY(valueAt(loss, plainPath.at(-1)))));
  set("soft-now", center(weightX(now), lossY(valueAt(soft, now))));
  set("levels", { d: minima.map((w) => `M46 ${weightY(w).toFixed(1)}H346`).join("") });
  set("plain-way", way(plainPath));
  set("soft-way", way(softPath));
  set("plain-end", end(plainPath, place));
  set("soft-end", end(softPath, center));
}
