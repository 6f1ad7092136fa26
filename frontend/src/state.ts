// The state of the page, which lives in its address after the #.
import type { Factor, Info } from "./backend";
import { packed, unpacked } from "./latent";

export type Tab = "explore" | "samples" | "watch";
export interface State {
  tab: Tab;
  /** Whose z is the base, unless `base` has one of its own. */
  seed: number;
  base: number[] | null;
  label: number | null;
  category: number | null;
  across: string;
  down: string;
  /** How far each factor is moved, by its id. */
  by: Record<string, number>;
  /** Of the grid: how many times the usual range, columns and rows. */
  span: number;
  columns: number;
  rows: number;
  psi: number;
  first: number;
}

export function start(info: Info, factors: Factor[]): State {
  const best = factors.filter((factor) => factor.group !== "axis");
  const [across, down] = [...best, ...factors.filter((factor) => factor.group === "axis")];
  return {
    tab: info.images ? "explore" : "watch", seed: 0, base: null, label: null, category: null,
    across: across?.id ?? "", down: (down ?? across)?.id ?? "", by: {}, span: 1, columns: 7, rows: 5, psi: 1, first: 0,
  };
}

const within = (text: string | null, low: number, high: number, other: number): number => {
  const value = text === null || text === "" ? NaN : Number(text);
  return value >= low && value <= high ? value : other;
};

export function fromAddress(hash: string, info: Info, factors: Factor[]): State {
  const asked = new URLSearchParams(hash.replace(/^#/, "")), made = start(info, factors);
  const known = new Set(factors.map((factor) => factor.id));
  const tab = asked.get("tab");
  if (info.images && (tab === "samples" || tab === "watch")) made.tab = tab;
  made.seed = Math.floor(within(asked.get("seed"), 0, Number.MAX_SAFE_INTEGER, 0));
  made.base = asked.has("z") ? unpacked(asked.get("z")!, info.dim) : null;
  const label = Number(asked.get("label") ?? NaN);
  if (info.labels?.some((one) => one.value === label)) made.label = label;
  if (asked.has("category")) made.category = Math.floor(within(asked.get("category"), 0, info.categories - 1, 0));
  for (const name of ["across", "down"] as const) if (known.has(asked.get(name) ?? "")) made[name] = asked.get(name)!;
  for (const part of asked.getAll("move")) {
    const place = part.lastIndexOf("="), id = part.slice(0, place), t = Number(part.slice(place + 1));
    if (known.has(id) && Math.abs(t) <= 1000) made.by[id] = t;
  }
  made.span = within(asked.get("span"), 0.1, 3, 1);
  made.columns = Math.round(within(asked.get("columns"), 1, 15, 7));
  made.rows = Math.round(within(asked.get("rows"), 1, 15, 5));
  made.psi = within(asked.get("psi"), 0, 1, 1);
  made.first = Math.floor(within(asked.get("first"), 0, Number.MAX_SAFE_INTEGER, 0));
  return made;
}

export function toAddress(state: State, usual: State): string {
  const made = new URLSearchParams();
  for (const name of ["tab", "seed", "across", "down", "span", "columns", "rows", "psi", "first"] as const)
    if (state[name] !== usual[name]) made.set(name, String(state[name]));
  if (state.label !== null) made.set("label", String(state.label));
  if (state.category !== null) made.set("category", String(state.category));
  if (state.base) made.set("z", packed(state.base));
  for (const [id, t] of Object.entries(state.by)) if (t) made.append("move", `${id}=${Number(t.toFixed(4))}`);
  return made.toString();
}
