// The same as in random_numbers.py. Number `index` of the stream of a seed, in 0..1: Mulberry32 by Tommy Ettinger.
function random(seed, index) {
  let t = (seed + Math.imul(index + 1, 0x6d2b79f5)) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
