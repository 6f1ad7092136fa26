// What the page asks of the server that `gan-np play` starts, and what it is answered.
import { ask } from "../http";

export type Value = number | string;
export type Point = [number, number];
export interface Settings {
  data: string; points: Point[]; objective: string; penalties: Record<string, number>; clip_weights: number; instance_noise: number;
  packing: number; optimizer: string; g_rate: number; d_rate: number; momentum: number; d_steps: number; batch: number;
  g_layers: number; g_units: number; d_layers: number; d_units: number; activation: string; latent: string; latent_dim: number; seed: number;
}
export interface Experiment { id: string; name: string; sentences: string[]; sides: Settings[]; steps: number; speed: number }
export interface About {
  usual: Settings; distributions: Record<string, string>; objectives: Record<string, { help: string; constrained: boolean }>;
  penalties: Record<string, string>; optimizers: string[]; activations: string[]; latents: string[]; bounds: Record<string, [number, number]>;
  live: string[]; edge: number; drawn: number; columns: string[]; experiments: Experiment[];
}
/** What does not change from frame to frame. */
export interface Still { settings: Settings; data: Point[]; modes: Point[]; reach: number; parameters: [number, number] }
export interface Begun { sides: Still[]; session: string; anew: boolean }
export interface Side {
  d_loss: number | null; g_loss: number | null; modes: number; near: number; distance: number | null; arrow: number | null; fault: string;
  field: Uint16Array; lattice: Int16Array; samples: Int16Array; arrows: Int16Array; history?: Float32Array;
}
export interface Frame { step: number; playing: boolean; moved: string; unit: number; sides: Side[] }

const KINDS = { uint16: Uint16Array, int16: Int16Array, float32: Float32Array } as const;

/** A frame of the bytes that the server sends: a header in JSON after its length, then arrays in its order. */
export function unpacked(bytes: ArrayBuffer): Frame {
  const length = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  let place = 4 + length;
  for (const side of header.sides) {
    for (const [name, kind, shape] of side.arrays as [string, keyof typeof KINDS, number[]][]) {
      const Kind = KINDS[kind], size = shape.reduce((one, other) => one * other, 1) * Kind.BYTES_PER_ELEMENT;
      side[name] = new Kind(bytes.slice(place, place + size));
      place += size;
    }
  }
  return header;
}

const json = async <T>(name: string, body: object): Promise<T> => (await ask(name, body)).json();

export const server = {
  about: () => json<About>("about", {}),
  set: (session: string, sides: Settings[], anew: boolean) => json<Begun>("set", { session, sides, anew }),
  play: (session: string, playing: boolean, speed: number) => json<object>("play", { session, playing, speed }),
  update: (session: string, player: string, count: number) => json<object>("update", { session, player, count }),
  frame: async (session: string, history: boolean) => unpacked(await (await ask("frame", { session, history })).arrayBuffer()),
};
