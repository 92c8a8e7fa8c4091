// The same as in ternary_draws.py.
const largestOf = (gradient) => Math.max(...gradient.map(Math.abs));

// The codes that each worker draws in step `step`, counted from 0.
function codesOf(gradient, step, workers, seed) {
  const scaler = largestOf(gradient), n = gradient.length;
  return Array.from({ length: workers }, (_, worker) => gradient.map((g, i) =>
    (random(seed, (step * workers + worker) * n + i) < Math.abs(g) / scaler ? Math.sign(g) : 0)));
}

// The average of all draws up to each step.
function averagesOf(gradient, steps, workers, seed) {
  const scaler = largestOf(gradient), total = gradient.map(() => 0), found = [];
  for (let step = 0; step < steps; step++) {
    for (const codes of codesOf(gradient, step, workers, seed)) codes.forEach((code, i) => { total[i] += code; });
    found.push(total.map((sum) => scaler * sum / (workers * (step + 1))));
  }
  return found;
}

const variancesOf = (gradient) => gradient.map((g) => Math.abs(g) * (largestOf(gradient) - Math.abs(g)));
const distanceOf = (a, b) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) * (x - b[i]), 0));
const expectedDistance = (gradient, draws) => Math.sqrt(variancesOf(gradient).reduce((a, b) => a + b) / draws);
