// The same as in smoothed_waves.py: a loss is { constant, curvature, waves: [[frequency, amplitude, shift], ...] }.
const sumOf = (waves, term) => waves.reduce((sum, [k, amplitude, shift]) => sum + term(k, amplitude, shift), 0);
const valueAt = ({ constant, curvature, waves }, w) =>
  constant + curvature / 2 * w * w + sumOf(waves, (k, amplitude, shift) => amplitude * Math.cos(k * (w - shift)));
const slopeAt = ({ curvature, waves }, w) => curvature * w - sumOf(waves, (k, amplitude, shift) => amplitude * k * Math.sin(k * (w - shift)));
const bendAt = ({ curvature, waves }, w) => curvature - sumOf(waves, (k, amplitude, shift) => amplitude * k * k * Math.cos(k * (w - shift)));

function waveFactor(angle, kind) {
  if (kind === "normal") return Math.exp(-angle * angle / 2);
  return angle ? Math.sin(angle) / angle : 1;
}

function smoothed({ constant, curvature, waves }, a, kind) {
  const variance = kind === "uniform" ? a * a / 3 : a * a;
  const weaker = waves.map(([k, amplitude, shift]) => [k, amplitude * waveFactor(k * a, kind), shift]);
  return { constant: constant + curvature / 2 * variance, curvature, waves: weaker };
}

function minimaOf(loss) {
  const grid = Array.from({ length: 601 }, (_, i) => (i - 300) / 100), slopes = grid.map((w) => slopeAt(loss, w)), found = [];
  for (let i = 0; i < 600; i++) {
    if (slopes[i] > 0 || !(slopes[i + 1] > 0)) continue;
    let low = grid[i], high = grid[i + 1];
    for (let halving = 0; halving < 40; halving++) {
      const middle = (low + high) / 2;
      if (slopeAt(loss, middle) > 0) high = middle;
      else low = middle;
    }
    found.push(high);
  }
  return found;
}

// Noise of strength 1, one number a step.
function standardDraws(kind, steps, seed) {
  return Array.from({ length: steps }, (_, step) => {
    const first = random(seed, 2 * step), second = random(seed, 2 * step + 1);
    return kind === "uniform" ? 2 * first - 1 : Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);
  });
}

function descent(loss, start, rate, noise) {
  const path = [start];
  for (const theta of noise) {
    const moved = path.at(-1) - rate * slopeAt(loss, path.at(-1) + theta);
    path.push(Math.floor(moved * 1e6 + 0.5) / 1e6);
  }
  return path;
}
