// What the page asks of a model, wherever it runs: on the server, or in the page itself.

export interface Label { value: number; name: string }
export interface Info {
  run: string; model: string; images: boolean; shape: number[]; dim: number; noise: number; prior: string;
  categories: number; codes: number; labels: Label[] | null; draw_steps: number; step: number | null; newest: number | null;
  invertible: boolean; stages: number; plane: boolean; runs: number;
}
export interface Factor {
  id: string; name: string; group: string; source: string; strength: number | null;
  low: number; high: number; set: boolean; vector: number[];
}
export interface Points { z: number[][]; labels: (number | null)[] }
/** Images edge to edge in one sheet, `width` × `height` each. */
export interface Sheet { image: CanvasImageSource; blob: Blob; columns: number; count: number; width: number; height: number }
export interface Nearest { distances: number[]; numbers: number[]; sheet: string; count: number }
export interface Inverted { z: number[]; distance: number; image: string }
export interface Run {
  name: string; there: boolean; training: boolean; step: number; seconds: number;
  settings: Record<string, unknown>; curves: Record<string, [number[], number[]]>;
  hints: { step: number; text: string }[]; grids: number[]; planes: number[];
}
export interface Plane {
  samples: number[][]; data: number[][] | null; box: number[]; field: number[][]; lattice: number[][][][]; step: number | null;
}
/** What directions change: sizes (1: as much as another sample) and shifts with their sign, in the order of `factors`. */
export interface Effects {
  factors: string[]; count: number; directions: Record<string, { sizes: (number | null)[]; shifts: (number | null)[] }>;
  learnt: { source: string; factors: string[]; explained: number[] | null } | null;
}
export interface Asked { z: number[][]; labels?: number[] | null; seeds?: number[] | null; columns: number }

export interface Backend {
  /** Whether there is a server: the file has no training data, no run folder and no encoder of animations. */
  readonly server: boolean;
  /** The seeds whose z is known; null for all. */
  readonly seeds: number | null;
  info(): Promise<Info>;
  factors(): Promise<Factor[]>;
  points(seeds: number[]): Promise<Points>;
  images(asked: Asked): Promise<Sheet>;
  series(z: number[], label: number | null, seed: number): Promise<Sheet>;
  nearest(z: number[], label: number | null, seed: number): Promise<Nearest>;
  verdict(): Promise<{ verdict?: string; explanation: string }>;
  invert(file: Blob, label: number | null): Promise<Inverted>;
  keep(name: string, vector: number[], source: string): Promise<Factor[]>;
  walk(stops: number[][], label: number | null, frames: number, fps: number, ending: string): Promise<Blob>;
  watch(): Promise<Run[]>;
  grid(run: number, step: number): Promise<Blob>;
  /** The points of a model of the plane: by the newest checkpoint, or as a run kept them at a step. */
  plane(at?: { run: number; step: number }): Promise<Plane>;
  effects(directions: string[]): Promise<Effects>;
  learn(): Promise<Factor[]>;
  reload(): Promise<Info>;
}
