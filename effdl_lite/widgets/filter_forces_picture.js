// The moving parts of the drawing; the same as in filter_forces_picture.py.
const place = ([a, b], radius = 100) => [180 + radius * a, 148 - radius * b];
const point = (xy) => xy.map((value) => value.toFixed(1)).join(" ");

function arrow(from, [dx, dy], head = 7) {
  const size = lengthOf([dx, dy]), x = dx / size * head, y = dy / size * head;
  return size < 1.5 ? "" : `M${point(from)}l${point([dx, dy])}m${point([-x - y / 2, -y + x / 2])}l${point([x + y / 2, y - x / 2])}l${point([-x + y / 2, -y - x / 2])}`;
}

function labels(units) {
  const together = [];
  units.forEach(([a, b], i) => {
    const group = together.find(([j]) => lengthOf([units[j][0] - a, units[j][1] - b]) < 0.14);
    group ? group.push(i) : together.push([i]);
  });
  const all = together.length === 1 && units.length > 2;
  return together.map((group) => [all ? "all" : group.map((i) => i + 1).join(","), ...place(units[group[0]], 117)]);
}

// `find` gives a part of the drawing by its class, `pulls` are the forces on the filters of this step.
function drawForces(find, path, { step, repel }, pulls, values) {
  const now = path[step], units = directions(now), angle = principal(now)[1], axis = [Math.cos(angle), Math.sin(angle)];
  const share = 45 * (repel ? -1 : 1) / (now.length - 1);
  const means = pulls.map(([x, y], i) => [x / lengthOf(now[i]) * share, -y / lengthOf(now[i]) * share]);
  const shapes = {
    filters: units.map(([a, b]) => arrow([180, 148], [100 * a, -100 * b])).join(""),
    pulls: units.map((at, i) => arrow(place(at), means[i], 5)).join(""),
    trail: path.slice(0, step).flatMap(directions).map((at) => `M${point(place(at))}h0`).join(""),
    axis: `M${point(place(axis, -105))}L${point(place(axis, 105))}`,
  };
  for (const [name, shape] of Object.entries(shapes)) find(name).setAttribute("d", shape);
  find("labels").innerHTML = labels(units).map(([text, x, y]) => `<text x="${x.toFixed(1)}" y="${(y + 4).toFixed(1)}">${text}</text>`).join("");
  const heights = { share: (value) => 115 - 180 * (value - 0.5), distance: (value) => 217 - 29 * value };
  for (const [name, height] of Object.entries(heights)) {
    find(name).setAttribute("points", values[name].map((value, i) => `${46 + 15 * i},${height(value).toFixed(1)}`).join(" "));
    find(`${name}-now`).setAttribute("cx", 46 + 15 * step);
    find(`${name}-now`).setAttribute("cy", height(values[name][step]).toFixed(1));
  }
}
