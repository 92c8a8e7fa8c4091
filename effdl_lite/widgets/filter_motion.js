// The same as in filter_motion.py, operation by operation.
const lengthOf = ([a, b]) => Math.sqrt(a * a + b * b);
const directions = (filters) => filters.map(([a, b]) => [a / lengthOf([a, b]), b / lengthOf([a, b])]);

function forces(filters, kind, shortest) {
  const units = directions(filters);
  return units.map(([a, b], i) => {
    let x = 0, y = 0;
    for (const [c, d] of units) {
      const distance = lengthOf([c - a, d - b]), weight = kind === "L1" ? distance : 1;
      if (kind === "L1" && distance <= shortest) continue;
      x += (c - a) / weight;
      y += (d - b) / weight;
    }
    const along = x * a + y * b, size = lengthOf(filters[i]);
    return [size * (x - along * a), size * (y - along * b)];
  });
}

function forcePath(start, kind, amount, shortest) {
  const path = [start];
  for (let step = 0; step < 20; step++) {
    const pulls = forces(path[step], kind, shortest);
    path.push(path[step].map(([a, b], i) => [a + amount * pulls[i][0], b + amount * pulls[i][1]]));
  }
  return path;
}

// The share of the energy in the first principal direction, and the angle of that.
function principal(filters) {
  let a = 0, b = 0, c = 0;
  for (const [x, y] of filters) [a, b, c] = [a + x * x, b + x * y, c + y * y];
  const half = (a - c) / 2;
  return [0.5 + Math.sqrt(half * half + b * b) / (a + c), Math.atan2(2 * b, a - c) / 2];
}

function meanDistance(filters, kind = "L1") {
  let total = 0, pairs = 0;
  directions(filters).forEach(([a, b], i, units) => units.slice(i + 1).forEach(([c, d]) => {
    const distance = lengthOf([c - a, d - b]);
    total += kind === "L2" ? distance * distance : distance;
    pairs += 1;
  }));
  return total / pairs;
}

function overshoots(path, kind, repel) {
  const values = path.map((filters) => (repel ? -1 : 1) * meanDistance(filters, kind));
  return values.filter((value, i) => i && value - values[i - 1] > 1e-9).length;
}

const growth = (path) => Math.max(...path.at(-1).map((now, i) => lengthOf(now) / lengthOf(path[0][i])));
