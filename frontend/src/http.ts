// The server that `gan-np explore` starts, by addresses beside that of the page: the token is part of them.
import type { Asked, Backend, Effects, Factor, Info, Inverted, Nearest, Plane, Points, Run, Sheet } from "./backend";

async function failed(answer: Response): Promise<Error> {
  const text = await answer.text();
  try {
    return new Error(JSON.parse(text).error);
  } catch {
    return new Error(text || `the server answered ${answer.status}`);
  }
}

export async function ask(name: string, body: BodyInit | object = {}): Promise<Response> {
  const sent = body instanceof Blob ? body : JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(`api/${name}`, { method: "POST", body: sent });
  } catch {
    throw new Error("The server does not answer: it was stopped, or the connection is gone.");
  }
  if (!answer.ok) throw await failed(answer);
  return answer;
}

const json = async <T>(name: string, body: BodyInit | object = {}): Promise<T> => (await ask(name, body)).json();

export async function cut(blob: Blob, columns: number, count: number): Promise<Sheet> {
  const image = await createImageBitmap(blob);
  const rows = Math.ceil(count / columns);
  return { image, blob, columns, count, width: image.width / columns, height: image.height / rows };
}

export class Http implements Backend {
  readonly server = true;
  readonly seeds = null;
  info = () => json<Info>("info");
  factors = () => json<Factor[]>("factors");
  points = (seeds: number[]) => json<Points>("points", { seeds });
  async images(asked: Asked): Promise<Sheet> {
    return cut(await (await ask("images", asked)).blob(), Math.min(asked.columns, asked.z.length), asked.z.length);
  }
  async series(z: number[], label: number | null, seed: number): Promise<Sheet> {
    const blob = await (await ask("series", { z: [z], labels: label === null ? null : [label], seed })).blob();
    const { draw_steps } = await this.info();
    return cut(blob, draw_steps, draw_steps);
  }
  nearest = (z: number[], label: number | null, seed: number) =>
    json<Nearest>("nearest", { z: [z], labels: label === null ? null : [label], seed });
  verdict = () => json<{ verdict?: string; explanation: string }>("verdict");
  invert = (file: Blob, label: number | null) => json<Inverted>(`invert${label === null ? "" : `?label=${label}`}`, file);
  keep = (name: string, vector: number[], source: string) => json<Factor[]>("keep", { name, vector, source });
  walk = async (stops: number[][], label: number | null, frames: number, fps: number, ending: string) =>
    (await ask("walk", { stops, labels: label === null ? null : [label], frames, fps, ending })).blob();
  watch = () => json<Run[]>("watch");
  grid = async (run: number, step: number) => (await ask("grid", { run, step })).blob();
  plane = (at?: { run: number; step: number }) => json<Plane>("plane", at);
  effects = (directions: string[]) => json<Effects>("effects", { directions });
  learn = () => json<Factor[]>("learn");
  reload = () => json<Info>("reload");
}
