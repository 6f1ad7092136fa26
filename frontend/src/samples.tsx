// The wall of samples: where to go, what to mix, which way to walk.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Sheet } from "./backend";
import type { Shared } from "./explore";
import { between, through, truncated } from "./latent";
import { save, Slide, Tile, useAddress, useNewest, useTask } from "./parts";

const COUNT = 24, FRAMES = 60;
interface Stop { z: number[]; label: number | null; seed: number }

export function Samples({ backend, info, state, set }: Shared) {
  const [wall, show] = useState<{ sheet: Sheet; stops: Stop[] } | null>(null), newest = useNewest(), [said, run] = useTask();
  const [chosen, choose] = useState<Stop[]>([]);
  const address = useAddress(wall?.sheet.blob ?? null);
  useEffect(() => void newest.run(() => run("", async () => {
    const count = Math.min(COUNT, backend.seeds ?? COUNT);
    const seeds = Array.from({ length: count }, (_, place) => state.first + place);
    const { z, labels } = await backend.points(seeds);
    const stops = z.map((point, place) => ({ z: truncated(point, info, state.psi), label: state.label ?? labels[place], seed: seeds[place] }));
    const sheet = await backend.images({ z: stops.map((stop) => stop.z), labels: info.labels ? stops.map((stop) => stop.label!) : null, seeds, columns: 8 });
    show({ sheet, stops });
  })), [state.first, state.psi, state.label, info.step]);
  const is = (one: Stop) => (other: Stop) => other.seed === one.seed && other.z[0] === one.z[0];
  const toggle = (stop: Stop) => choose(chosen.some(is(stop)) ? chosen.filter((other) => !is(stop)(other)) : [...chosen, stop]);
  const go = (stop: Stop) => set({ tab: "explore", seed: stop.seed, base: state.psi === 1 ? null : stop.z, label: stop.label, by: {}, category: null });
  const name = (stop: Stop) => `seed ${stop.seed}${stop.label === null || !info.labels ? "" : `, ${info.labels.find((one) => one.value === stop.label)?.name}`}`;
  return (
    <div class="explore">
      <section class="card wide" aria-label="Samples">
        <h2>Samples</h2>
        <div class="pair">
          <label class="field"><span>First seed</span>
            <input type="number" min="0" step="1" value={state.first} max={backend.seeds === null ? undefined : backend.seeds - 1} onChange={(event) => set({ first: Math.max(0, Math.floor(Number(event.currentTarget.value) || 0)) })} /></label>
          <button type="button" onClick={() => set({ first: (state.first + COUNT) % (backend.seeds ?? Number.MAX_SAFE_INTEGER) })}>Next {COUNT}</button>
          <Slide label="Truncation ψ" low={0} high={1} step={0.05} value={state.psi} onInput={(psi) => set({ psi })} />
        </div>
        {wall && address && (
          <div class="wall" id="wall">
            {wall.stops.map((stop, index) => (
              <div key={stop.seed}>
                <Tile sheet={wall.sheet} address={address} index={index} name={`Go to ${name(stop)}`} onClick={() => go(stop)} />
                <label class="small"><input type="checkbox" checked={chosen.some(is(stop))} onChange={() => toggle(stop)} aria-label={`Choose ${name(stop)}`} />{stop.seed}</label>
              </div>
            ))}
          </div>
        )}
        <p class="small" role="status">{said || "A click goes there; ticked ones can be mixed and walked between."}</p>
      </section>
      {chosen.length === 2 && <Mix backend={backend} info={info} stops={chosen} use={(z, stop) => set({ tab: "explore", base: z, seed: stop.seed, label: stop.label, by: {}, category: null })} />}
      {chosen.length >= 2 && <Walk backend={backend} info={info} stops={chosen} />}
    </div>
  );
}

type Some = Pick<Shared, "backend" | "info"> & { stops: Stop[] };

function draw(canvas: HTMLCanvasElement | null, sheet: Sheet, index: number): void {
  if (!canvas) return;
  const { width, height, columns } = sheet;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")!.drawImage(sheet.image, (index % columns) * width, Math.floor(index / columns) * height, width, height, 0, 0, width, height);
}

function Mix({ backend, info, stops, use }: Some & { use: (z: number[], stop: Stop) => void }) {
  const [share, set] = useState(0.5), canvas = useRef<HTMLCanvasElement>(null), newest = useNewest(), [said, run] = useTask();
  const [first, second] = stops, z = between(first.z, second.z, share, info), nearer = share < 0.5 ? first : second;
  useEffect(() => void newest.run(() => run("", async () =>
    draw(canvas.current, await backend.images({ z: [z], labels: info.labels ? [nearer.label!] : null, seeds: [first.seed], columns: 1 }), 0))), [share, first, second]);
  return (
    <section class="card" aria-label="Mix">
      <h2>Mix</h2>
      <canvas ref={canvas} class="pixels thumb" role="img" aria-label={`${Math.round(100 - 100 * share)} % of seed ${first.seed}, the rest of seed ${second.seed}`} />
      <Slide label={`${first.seed} to ${second.seed}`} low={0} high={1} step={0.01} value={share} onInput={set} />
      <button type="button" onClick={() => use(z, nearer)}>Go there</button>
      <p class="small" role="status">{said}</p>
    </section>
  );
}

function Walk({ backend, info, stops }: Some) {
  const [ending, as] = useState("gif"), [playing, play] = useState<Sheet | null>(null), canvas = useRef<HTMLCanvasElement>(null), [said, run] = useTask();
  const label = info.labels ? stops[0].label : null, points = () => through(stops.map((stop) => stop.z), FRAMES, info);
  const make = async () => backend.images({ z: points(), labels: label === null ? null : Array(FRAMES).fill(label), seeds: Array(FRAMES).fill(stops[0].seed), columns: 10 });
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const timer = setInterval(() => draw(canvas.current, playing, frame++ % FRAMES), 50);
    return () => clearInterval(timer);
  }, [playing]);
  useEffect(() => play(null), [stops]);
  return (
    <section class="card" aria-label="Walk">
      <h2>Walk through {stops.length} samples</h2>
      {playing && <canvas ref={canvas} class="pixels thumb" role="img" aria-label="The walk, playing" />}
      <div class="row">
        <button type="button" onClick={() => (playing ? play(null) : void run("making 60 images …", async () => play(await make())))}>{playing ? "Stop" : "Play"}</button>
        {backend.server ? (
          <>
            <label class="field"><span>As</span><select value={ending} onChange={(event) => as(event.currentTarget.value)}><option>gif</option><option>webp</option><option>apng</option></select></label>
            <button type="button" onClick={() => void run("writing the animation …", async () => save(await backend.walk(stops.map((stop) => stop.z), label, FRAMES, 20, ending), `walk.${ending}`))}>Save the animation</button>
          </>
        ) : <button type="button" onClick={() => void run("making 60 images …", async () => save((await make()).blob, "walk.png"))}>Save its frames</button>}
      </div>
      <p class="small" role="status">{said}</p>
    </section>
  );
}
