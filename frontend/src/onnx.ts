// The model in the page: an ONNX file run by onnxruntime-web, everything inside one HTML file.
import * as ort from "onnxruntime-web/wasm";
import type { Asked, Backend, Factor, Info, Points, Sheet } from "./backend";

interface Kept { info: Info; factors: Factor[]; points: Points; low: number; high: number; noises: Record<string, number[]> }

const bytes = (id: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(document.getElementById(id)!.textContent!.trim()), (letter) => letter.charCodeAt(0));

async function unpacked(id: string): Promise<ArrayBuffer> {
  const stream = new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const refuse = (): never => {
  throw new Error("This file has no server: gan-np explore can do it.");
};
const AT_ONCE = 32;

export class InPage implements Backend {
  readonly server = false;
  readonly seeds: number;
  private constructor(private readonly kept: Kept, private readonly session: ort.InferenceSession) {
    this.seeds = kept.points.z.length;
  }
  static async open(): Promise<InPage> {
    const kept: Kept = JSON.parse(document.getElementById("kept")!.textContent!);
    ort.env.wasm.numThreads = 1; // several need headers that a file has not
    ort.env.wasm.wasmBinary = await unpacked("wasm");
    const session = await ort.InferenceSession.create(new Uint8Array(await unpacked("model")), { executionProviders: ["wasm"] });
    return new InPage(kept, session);
  }
  info = async () => this.kept.info;
  factors = async () => this.kept.factors;
  points = async (seeds: number[]) => {
    const known = seeds.map((seed) => seed % this.seeds);
    return { z: known.map((seed) => this.kept.points.z[seed]), labels: known.map((seed) => this.kept.points.labels[seed]) };
  };
  private queue: Promise<unknown> = Promise.resolve();
  images(asked: Asked): Promise<Sheet> {
    const made = this.queue.then(() => this.draw(asked)); // a session runs one at a time
    this.queue = made.catch(() => undefined);
    return made;
  }
  private async draw({ z, labels, columns }: Asked): Promise<Sheet> {
    const { info, low, high } = this.kept;
    const [height, width, channels] = info.shape;
    const count = z.length, across = Math.min(columns, count), rows = Math.ceil(count / across);
    const canvas = document.createElement("canvas");
    canvas.width = width * across;
    canvas.height = height * rows;
    const context = canvas.getContext("2d")!;
    for (let start = 0; start < count; start += AT_ONCE) {
      const part = z.slice(start, start + AT_ONCE);
      const feeds: Record<string, ort.Tensor> = { z: new ort.Tensor("float32", Float32Array.from(part.flat()), [part.length, info.dim]) };
      for (const [name, noise] of Object.entries(this.kept.noises))
        feeds[name] = new ort.Tensor("float32", Float32Array.from(part.flatMap(() => noise)), [part.length, noise.length]);
      if (info.labels) {
        const values = info.labels.map((label) => label.value);
        const classes = part.map((_, row) => BigInt(Math.max(0, values.indexOf(labels?.[start + row] ?? values[0]))));
        feeds.label = new ort.Tensor("int64", BigInt64Array.from(classes), [part.length]);
      }
      const { image } = await this.session.run(feeds);
      const values = image.data as Float32Array;
      for (let row = 0; row < part.length; row++) {
        const pixels = context.createImageData(width, height);
        for (let place = 0; place < width * height; place++) {
          for (let channel = 0; channel < 4; channel++) {
            const from = channels === 1 ? 0 : channel;
            const value = channel === 3 && channels < 4 ? 255 : (255 * (values[(row * width * height + place) * channels + from] - low)) / (high - low);
            pixels.data[4 * place + channel] = Math.round(value);
          }
        }
        const number = start + row;
        context.putImageData(pixels, (number % across) * width, Math.floor(number / across) * height);
      }
    }
    const blob = await new Promise<Blob>((done) => canvas.toBlob((made) => done(made!), "image/png"));
    return { image: canvas, blob, columns: across, count, width, height };
  }
  series = async () => refuse();
  nearest = async () => refuse();
  verdict = async () => refuse();
  invert = async () => refuse();
  keep = async () => refuse();
  walk = async () => refuse();
  watch = async () => refuse();
  grid = async () => refuse();
  plane = async () => refuse();
  effects = async () => refuse();
  learn = async () => refuse();
  reload = async () => this.kept.info;
}
