// Points of z: moved along directions, mixed, and the paths between them, as gan_np/latent does it.
import type { Factor, Info } from "./backend";

const dot = (a: number[], b: number[]) => a.reduce((sum, value, place) => sum + value * b[place], 0);
const norm = (a: number[]) => Math.sqrt(dot(a, a));

/** z + Σ t·u; a code is set to t instead. */
export function moved(z: number[], factors: Factor[], by: Record<string, number>): number[] {
  const made = z.slice();
  for (const factor of factors) {
    const t = by[factor.id];
    if (t === undefined) continue;
    const step = factor.set ? t - dot(made, factor.vector) : t;
    for (let place = 0; place < made.length; place++) made[place] += step * factor.vector[place];
  }
  return made;
}

/** Where a factor is: the part of z along a code, 0 for a direction that was not moved along. */
export const at = (z: number[], factor: Factor, by: Record<string, number>): number =>
  by[factor.id] ?? (factor.set ? dot(z, factor.vector) : 0);

export function withCategory(z: number[], info: Info, category: number | null): number[] {
  if (category === null || !info.categories) return z;
  const made = z.slice();
  for (let place = 0; place < info.categories; place++) made[info.noise + place] = place === category ? 1 : 0;
  return made;
}

export const categoryOf = (z: number[], info: Info): number => {
  const codes = z.slice(info.noise, info.noise + info.categories);
  return codes.indexOf(Math.max(...codes));
};

/** z with its noise drawn towards the mean. */
export const truncated = (z: number[], info: Info, psi: number): number[] => z.map((value, place) => (place < info.noise ? psi * value : value));

/** From one point to another, staying where z has its points: normal noise along the great circle, all else straight. */
export function between(first: number[], second: number[], share: number, info: Info): number[] {
  const straight = first.map((value, place) => (1 - share) * value + share * second[place]);
  const p = first.slice(0, info.noise), q = second.slice(0, info.noise);
  const [a, b] = [norm(p), norm(q)];
  if (info.prior !== "normal" || !(Math.min(a, b) > 0)) return straight;
  const angle = Math.acos(Math.max(-1, Math.min(1, dot(p, q) / (a * b))));
  if (angle < 1e-6 || Math.PI - angle < 1e-6) return straight;
  const [u, v] = [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  const length = (1 - share) * a + share * b;
  return [...p.map((value, place) => length * ((u * value) / a + (v * q[place]) / b)), ...straight.slice(info.noise)];
}

/** So many points on the closed path through stops. */
export const through = (stops: number[][], frames: number, info: Info): number[][] =>
  Array.from({ length: frames }, (_, frame) => {
    const way = (frame * stops.length) / frames, stop = Math.min(Math.floor(way), stops.length - 1);
    return between(stops[stop], stops[(stop + 1) % stops.length], way - stop, info);
  });

export const spaced = (low: number, high: number, count: number): number[] =>
  count === 1 ? [(low + high) / 2] : Array.from({ length: count }, (_, place) => low + ((high - low) * place) / (count - 1));

/** A point as a text for the address: the bytes of its float32 numbers. */
export function packed(z: number[]): string {
  return btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(z).buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

export function unpacked(text: string, dim: number): number[] | null {
  try {
    const letters = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    const z = [...new Float32Array(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)).buffer)];
    return z.length === dim && z.every(Number.isFinite) ? z : null;
  } catch {
    return null;
  }
}

/** The bytes of a .npy file of points (N, k), which `gan-np traverse --from` and `walk --from` read. */
export function npy(points: number[][]): Blob {
  const shape = `(${points.length}, ${points[0].length})`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11, " ") + "\n";
  const start = new Uint8Array([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return new Blob([start, padded, Float32Array.from(points.flat())]);
}
