// The model of effdl_lite/methods/terngrad/performance.py, operation by operation, and the same parts as step_times.py.
const ring = ({ workers, bandwidth, latency }, size) => 2 * (workers - 1) * (latency + size / workers / bandwidth);
const server = ({ workers, bandwidth, latency }, up, down) => (workers === 1 ? 0 : 2 * latency + workers * (up + down) / bandwidth);

function floatExchange(cluster, { weights, rest }) {
  const size = 4 * (weights + rest);
  return cluster.gather ? ring(cluster, size) : server(cluster, size, size);
}

// Seconds of the network, and of the codec that packs `perByte` codes in a byte at `speed` bytes of fp32 a second.
function ternaryExchange(cluster, { weights, rest, tensors }, perByte, speed) {
  const { workers, bandwidth, latency } = cluster, half = speed ? 1 / (2 * speed) : 0;
  if (workers === 1) return [0, 0];
  const packed = Math.ceil(weights / perByte), scalers = 4 * tensors, inFloat = 4 * rest;
  const codec = 4 * weights * (half + half * (cluster.gather ? workers : 1));
  if (!cluster.gather) {
    const bits = 32 - Math.clz32(2 * workers), down = Math.ceil(weights * bits / 8) + scalers;
    return [server(cluster, packed + scalers + inFloat, down + inFloat) + 2 * latency, codec];
  }
  return [ring(cluster, scalers) + (workers - 1) * (latency + packed / bandwidth) + (rest ? ring(cluster, inFloat) : 0), codec];
}

// The bandwidth, in bytes a second, below which ternary gradients pay; 0 for never, infinite for always.
function breakEven(cluster, work, perByte, speed) {
  const [endless, one] = [Infinity, 1].map((bandwidth) => ({ ...cluster, bandwidth }));
  const ternary = (at) => ternaryExchange(at, work, perByte, speed).reduce((a, b) => a + b);
  const floatRounds = floatExchange(endless, work), ternaryRounds = ternary(endless);
  const saved = floatExchange(one, work) - floatRounds - (ternary(one) - ternaryRounds), longer = ternaryRounds - floatRounds;
  if (longer <= 0) return saved > 0 || longer < 0 ? Infinity : 0;
  return Math.max(saved, 0) / longer;
}

function stepTimes(cluster, work, speed, codecs) {
  const { weights, rest, tensors, compute } = work, exchange = floatExchange(cluster, work), whole = compute + exchange;
  return [{ way: "fp32", compute, network: exchange, codec: 0, step: whole, speedup: 1, sent: 4 * (weights + rest) },
    ...codecs.map(([way, perByte]) => {
      const [network, codec] = ternaryExchange(cluster, work, perByte, speed), step = compute + (network + codec);
      const sent = Math.ceil(weights / perByte) + 4 * tensors + 4 * rest;
      return { way, compute, network, codec, step, speedup: whole / step, sent, paysBelow: breakEven(cluster, work, perByte, speed) };
    })];
}
