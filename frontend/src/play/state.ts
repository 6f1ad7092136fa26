// The state of the page, which lives in its address after the #.
import type { About, Point, Settings } from "./server";

export interface Parts { field: boolean; lattice: boolean; arrows: boolean; data: boolean; samples: boolean }
export interface State { sides: Settings[]; speed: number; experiment: string; parts: Parts }

/** What both sides have in common. */
export const SHARED = ["data", "points", "seed"] as const;
export const ALL_PARTS: Parts = { field: true, lattice: false, arrows: true, data: true, samples: true };
export const SPEEDS: [number, string][] = [[1, "1 a second, by turns"], [4, "4 a second, by turns"], [15, "15 a second"], [60, "60 a second"], [1000, "as fast as it goes"]];

export function start(about: About): State {
  return { sides: [structuredClone(about.usual)], speed: 60, experiment: "", parts: { ...ALL_PARTS } };
}

/** Points as text: two bytes each, so that an address with 400 of them can still be sent. */
export function pointsText(points: Point[], edge: number): string {
  const byte = (value: number) => Math.round(((value + edge) / (2 * edge)) * 255);
  const bytes = points.flatMap(([x, y]) => [byte(x), byte(y)]);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function pointsOf(text: string, edge: number, most: number): Point[] {
  try {
    const bytes = [...atob(text.replaceAll("-", "+").replaceAll("_", "/"))].map((one) => one.charCodeAt(0));
    const value = (byte: number) => Number(((byte / 255) * 2 * edge - edge).toFixed(3));
    return Array.from({ length: Math.min(bytes.length >> 1, most) }, (_, place): Point => [value(bytes[2 * place]), value(bytes[2 * place + 1])]);
  } catch {
    return [];
  }
}

const choices = (about: About): Record<string, string[]> => ({
  data: [...Object.keys(about.distributions), "drawn"], objective: Object.keys(about.objectives), optimizer: about.optimizers,
  activation: about.activations, latent: about.latents,
});

export function fromAddress(hash: string, about: About): State {
  const asked = new URLSearchParams(hash.replace(/^#/, "")), made = start(about), known = choices(about);
  if (asked.get("b")) made.sides.push(structuredClone(about.usual));
  const points = pointsOf(asked.get("points") ?? "", about.edge, about.drawn);
  made.sides.forEach((side, number) => {
    const letter = "ab"[number], of = side as unknown as Record<string, unknown>;
    const given = (name: string) => asked.get((SHARED as readonly string[]).includes(name) ? name : `${letter}.${name}`);
    for (const [name, names] of Object.entries(known)) if (names.includes(given(name) ?? "")) of[name] = given(name);
    for (const [name, [low, high]] of Object.entries(about.bounds)) {
      const text = given(name), value = Number(text);
      if (text && value >= low && value <= high) of[name] = value;
    }
    for (const name of Object.keys(about.penalties)) {
      const weight = Number(asked.get(`${letter}.${name}`) ?? 0);
      if (weight > 0 && weight <= 1000) side.penalties[name] = weight;
    }
    side.points = points;
    if (side.data === "drawn" && !points.length) side.data = about.usual.data;
  });
  const speed = Number(asked.get("speed"));
  if (SPEEDS.some(([one]) => one === speed)) made.speed = speed;
  if (about.experiments.some((one) => one.id === asked.get("experiment"))) made.experiment = asked.get("experiment")!;
  const parts = asked.get("show")?.split(",");
  if (parts) for (const name of Object.keys(made.parts) as (keyof Parts)[]) made.parts[name] = parts.includes(name);
  return made;
}

export function toAddress(state: State, about: About): string {
  const made = new URLSearchParams(), usual = about.usual as unknown as Record<string, unknown>;
  const names = [...Object.keys(choices(about)), ...Object.keys(about.bounds)];
  state.sides.forEach((side, number) => {
    const letter = "ab"[number], of = side as unknown as Record<string, unknown>;
    for (const name of names) {
      const shared = (SHARED as readonly string[]).includes(name);
      if (of[name] !== usual[name] && !(shared && number)) made.set(shared ? name : `${letter}.${name}`, String(of[name]));
    }
    for (const [name, weight] of Object.entries(side.penalties)) if (weight) made.set(`${letter}.${name}`, String(weight));
  });
  const [first] = state.sides;
  if (state.sides.length > 1) made.set("b", "1");
  if (first.data === "drawn") made.set("points", pointsText(first.points, about.edge));
  if (state.speed !== 60) made.set("speed", String(state.speed));
  if (state.experiment) made.set("experiment", state.experiment);
  const shown = (Object.keys(state.parts) as (keyof Parts)[]).filter((name) => state.parts[name]);
  if (shown.join() !== "field,arrows,data,samples") made.set("show", shown.join());
  return made.toString();
}
