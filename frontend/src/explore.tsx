// One image and what moves it: the pad, the grid beside it, sliders, labels.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Backend, Factor, Info, Inverted, Nearest, Sheet } from "./backend";
import { Changes } from "./changes";
import { at, categoryOf, moved, npy, spaced, withCategory } from "./latent";
import { Choose, GROUPS, save, Slide, Tile, useAddress, useNewest, useTask } from "./parts";
import type { State } from "./state";

export interface Shared {
  backend: Backend; info: Info; factors: Factor[]; state: State; z: number[]; label: number | null;
  set: (change: Partial<State>) => void; learn: (factors: Factor[]) => void;
}

const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
const focus = (input: HTMLInputElement | null) => input?.focus();
const say = (value: number) => value.toFixed(2);

export function Explore(shared: Shared) {
  const { backend, info, factors, state, z, label, set } = shared;
  const across = factors.find((factor) => factor.id === state.across)!, down = factors.find((factor) => factor.id === state.down)!;
  const point = useMemo(() => moved(withCategory(z, info, state.category), factors, state.by), [z, factors, state.by, state.category]);
  const move = (change: Record<string, number>) => set({ by: { ...state.by, ...change } });
  const canvas = useRef<HTMLCanvasElement>(null), newest = useNewest();
  const shown = useRef<Sheet | null>(null);
  const [failed, fail] = useState("");
  useEffect(() => {
    const began = performance.now();
    void newest.run(async () => {
      try {
        const asked = performance.now();
        const sheet = await backend.images({ z: [point], labels: label === null ? null : [label], seeds: [state.seed], columns: 1 });
        shown.current = sheet;
        const surface = canvas.current;
        if (!surface) return;
        surface.width = sheet.width;
        surface.height = sheet.height;
        surface.getContext("2d")!.drawImage(sheet.image, 0, 0);
        surface.dataset.ms = String(performance.now() - asked);
        surface.dataset.waited = String(performance.now() - began);
        surface.dataset.drawn = String(Number(surface.dataset.drawn ?? 0) + 1);
        fail("");
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
    });
  }, [point, label, state.seed, info.step]);
  const place = { across: at(z, across, state.by), down: at(z, down, state.by) };
  return (
    <div class="explore">
      <section class="card wide" aria-label="Image and pad">
        <div class="both">
          <canvas ref={canvas} id="image" role="img" aria-label={`Image: ${across.name} ${say(place.across)}, ${down.name} ${say(place.down)}`} />
          <Pad across={across} down={down} place={place} move={move} />
        </div>
        <p class="small" id="where">{across.name} {say(place.across)}, {down.name} {say(place.down)}. Drag, or use the arrow keys (with Shift: further; Home: back).</p>
        <p class="error" role="alert">{failed}</p>
        <div class="pair">
          <Choose label="Across" value={state.across} factors={factors} onChange={(id) => set({ across: id })} />
          <Choose label="Down" value={state.down} factors={factors} onChange={(id) => set({ down: id })} />
          <label class="field"><span>Seed</span>
            <input type="number" id="seed" min="0" step="1" value={state.base ? "" : state.seed} placeholder={state.base ? "its own z" : ""}
              onChange={(event) => set({ seed: Math.max(0, Math.floor(Number(event.currentTarget.value) || 0)), base: null, by: {} })} />
          </label>
        </div>
        {info.labels && <Buttons name="Label" entries={info.labels.map((one) => [one.value, one.name])} value={label} choose={(value) => set({ label: value })} />}
        {info.categories > 0 && (
          <Buttons name="Category" entries={Array.from({ length: info.categories }, (_, k) => [k, String(k)])}
            value={state.category ?? categoryOf(z, info)} choose={(value) => set({ category: value })} />
        )}
        <div class="row">
          <button type="button" onClick={() => set({ seed: Math.floor(Math.random() * (backend.seeds ?? 1_000_000)), base: null, by: {}, category: null, label: null })}>Another</button>
          <button type="button" onClick={() => set({ by: {} })}>Back to the start</button>
          <button type="button" onClick={() => shown.current && save(shown.current.blob, "image.png")}>Save image</button>
          <button type="button" onClick={() => save(npy([point]), "z.npy")}>Save z</button>
        </div>
      </section>
      <Grid {...shared} across={across} down={down} place={place} />
      {backend.server && <Changes {...shared} across={across} down={down} />}
      <Sliders {...shared} move={move} />
      {info.draw_steps > 1 && backend.server && <Series {...shared} point={point} />}
      {backend.server && info.invertible && <Invert {...shared} />}
      {backend.server && <Memorised {...shared} point={point} />}
    </div>
  );
}

function Buttons({ name, entries, value, choose }: { name: string; entries: [number, string][]; value: number | null; choose: (value: number) => void }) {
  return (
    <div role="group" aria-label={name} class="labels"><span>{name}</span>
      {entries.map(([number, text]) => (
        <button type="button" key={number} aria-pressed={number === value} onClick={() => choose(number)}>{text}</button>
      ))}
    </div>
  );
}

interface Place { across: number; down: number }

function Pad({ across, down, place, move }: { across: Factor; down: Factor; place: Place; move: (change: Record<string, number>) => void }) {
  const pad = useRef<HTMLDivElement>(null);
  const share = (t: number, factor: Factor) => clamp((t - factor.low) / (factor.high - factor.low), 0, 1);
  const there = (x: number, y: number) =>
    move({ [across.id]: across.low + x * (across.high - across.low), ...(down.id === across.id ? {} : { [down.id]: down.low + y * (down.high - down.low) }) });
  const drag = (event: PointerEvent) => {
    const box = pad.current!.getBoundingClientRect();
    there(clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1));
  };
  const key = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const size = event.shiftKey ? 0.2 : 0.05;
    if (event.key === "Home") move({ [across.id]: 0, [down.id]: 0 });
    else if (steps[event.key]) {
      const [x, y] = steps[event.key];
      there(clamp(share(place.across, across) + size * x, 0, 1), clamp(share(place.down, down) + size * y, 0, 1));
    } else return;
    event.preventDefault();
  };
  const text = `${across.name} ${say(place.across)}, ${down.name} ${say(place.down)}`;
  return (
    <div
      ref={pad} id="pad" class="pad" tabIndex={0} role="slider" aria-roledescription="pad of two directions" aria-describedby="where"
      aria-label={`Left and right: ${across.name}. Up and down: ${down.name}.`}
      aria-valuemin={across.low} aria-valuemax={across.high} aria-valuenow={Number(say(place.across))} aria-valuetext={text}
      onKeyDown={key}
      onPointerDown={(event) => { pad.current!.setPointerCapture(event.pointerId); drag(event); }}
      onPointerMove={(event) => pad.current!.hasPointerCapture(event.pointerId) && drag(event)}
    >
      <i style={{ left: `${100 * share(place.across, across)}%`, top: `${100 * share(place.down, down)}%` }} />
    </div>
  );
}

function Grid({ backend, info, factors, state, z, label, set, across, down, place }: Shared & { across: Factor; down: Factor; place: Place }) {
  const [sheet, show] = useState<Sheet | null>(null), newest = useNewest(), address = useAddress(sheet?.blob ?? null), [failed, run] = useTask();
  const { columns, rows, span } = state;
  const wide = (factor: Factor, count: number) => {
    const middle = (factor.low + factor.high) / 2, half = (span * (factor.high - factor.low)) / 2;
    return spaced(middle - half, middle + half, count);
  };
  const placesAcross = wide(across, columns), placesDown = wide(down, rows);
  const others = JSON.stringify(Object.entries(state.by).filter(([id]) => id !== across.id && id !== down.id));
  useEffect(() => {
    const timer = setTimeout(() => void newest.run(() => run("", async () => {
      const start = withCategory(z, info, state.category);
      const points = placesDown.flatMap((s) => placesAcross.map((t) => moved(start, factors, { ...state.by, [down.id]: s, [across.id]: t })));
      show(await backend.images({ z: points, labels: label === null ? null : points.map(() => label), seeds: points.map(() => state.seed), columns }));
    })), 60);
    return () => clearTimeout(timer);
  }, [z, label, state.category, state.seed, across.id, down.id, others, columns, rows, span, info.step]);
  const nearest = (places: number[], t: number) => places.reduce((best, value, index) => (Math.abs(value - t) < Math.abs(places[best] - t) ? index : best), 0);
  const here = nearest(placesDown, place.down) * columns + nearest(placesAcross, place.across);
  const step = (event: KeyboardEvent) => {
    const tiles = [...(event.currentTarget as HTMLElement).children] as HTMLElement[], from = tiles.indexOf(document.activeElement as HTMLElement);
    const by: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!by[event.key] || from < 0) return;
    tiles[from + by[event.key]]?.focus();
    event.preventDefault();
  };
  return (
    <section class="card" aria-label="Grid">
      <h2>{across.name} across, {down.name} down</h2>
      <div>
        {sheet && address && sheet.count === columns * rows && (
          <div id="grid" class="tiles" role="group" aria-label="Images of the grid; arrow keys go from one to the next" onKeyDown={step} style={{ gridTemplateColumns: `repeat(${columns}, 1fr)`, maxWidth: `${64 * columns}px` }}>
            {placesDown.flatMap((s, row) => placesAcross.map((t, column) => (
              <Tile key={`${row}/${column}`} sheet={sheet} address={address} index={row * columns + column} pressed={row * columns + column === here}
                name={`${across.name} ${say(t)}, ${down.name} ${say(s)}`} onClick={() => set({ by: { ...state.by, [down.id]: s, [across.id]: t } })} />
            )))}
          </div>
        )}
      </div>
      <div class="pair">
        <Slide label="Range" low={0.1} high={3} step={0.1} value={span} onInput={(value) => set({ span: value })} show={`±${say((span * (across.high - across.low)) / 2)}`} />
        <Slide label="Columns" low={1} high={15} step={1} value={columns} onInput={(value) => set({ columns: value })} show={String(columns)} />
        <Slide label="Rows" low={1} high={15} step={1} value={rows} onInput={(value) => set({ rows: value })} show={String(rows)} />
      </div>
      {sheet && <button type="button" onClick={() => save(sheet.blob, "grid.png")}>Save grid</button>}
      <p class="error" role="alert">{failed}</p>
    </section>
  );
}

function Sliders({ backend, factors, state, z, move, learn }: Shared & { move: (change: Record<string, number>) => void }) {
  const groups = [...new Set(factors.map((factor) => factor.group))];
  const [group, choose] = useState(groups[0]), [count, many] = useState(6), [naming, name] = useState<Factor | null>(null);
  const [said, run] = useTask();
  const shown = factors.filter((factor) => factor.group === group).slice(0, count);
  const keep = (event: SubmitEvent) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("name") as string, chosen = naming!;
    void run("keeping …", async () => {
      learn(await backend.keep(text.trim(), chosen.vector, chosen.source || chosen.id));
      name(null);
    });
  };
  return (
    <section class="card" aria-label="Sliders">
      <div class="pair">
        <label class="field"><span>Directions</span>
          <select value={group} onChange={(event) => choose(event.currentTarget.value)}>{groups.map((one) => <option key={one} value={one}>{GROUPS[one] ?? one}</option>)}</select>
        </label>
        <label class="field"><span>How many</span>
          <input type="number" min="1" max="64" value={count} onChange={(event) => many(clamp(Number(event.currentTarget.value) || 1, 1, 64))} />
        </label>
      </div>
      {shown.map((factor) => (
        <div class="row keep" key={factor.id}>
          <Slide label={factor.name} low={factor.low} high={factor.high} step="any" value={clamp(at(z, factor, state.by), factor.low, factor.high)} onInput={(t) => move({ [factor.id]: t })} show={say(at(z, factor, state.by))} />
          {backend.server && <button type="button" title={factor.source} aria-label={`Name ${factor.name}`} onClick={() => name(factor)}>Name</button>}
        </div>
      ))}
      {naming && (
        <form class="row" onSubmit={keep}>
          <label class="field"><span>A name for {naming.name}</span><input name="name" required maxLength={100} pattern="[^:=]+" title="a word without : and =" ref={focus} /></label>
          <button>Keep with the run</button>
          <button type="button" onClick={() => name(null)}>Leave it</button>
        </form>
      )}
      <p class="small" role="status">{said}</p>
    </section>
  );
}

function Series({ backend, info, state, label, point }: Shared & { point: number[] }) {
  const [sheet, show] = useState<Sheet | null>(null), newest = useNewest(), address = useAddress(sheet?.blob ?? null), [said, run] = useTask();
  useEffect(() => {
    const timer = setTimeout(() => void newest.run(() => run("", async () => show(await backend.series(point, label, state.seed)))), 150);
    return () => clearTimeout(timer);
  }, [point, label, state.seed, info.step]);
  return (
    <section class="card" aria-label="Drawn step by step">
      <h2>Drawn step by step</h2>
      {address && <img class="pixels" id="series" alt={`The image after each of ${info.draw_steps} steps, the finished one last`} src={address} />}
      <p class="small" role="status">{said}</p>
    </section>
  );
}

function Invert({ backend, label, set }: Shared) {
  const [found, show] = useState<Inverted | null>(null), [said, run] = useTask(), [over, hover] = useState(false);
  const take = (file: File | undefined) => file && void run("searching for its z …", async () => {
    const made = await backend.invert(file, label);
    show(made);
    set({ base: made.z, by: {}, category: null });
  });
  return (
    <section class="card" aria-label="Invert">
      <h2>From an image back to z</h2>
      <label class={over ? "drop over" : "drop"}
        onDragOver={(event) => { event.preventDefault(); hover(true); }} onDragLeave={() => hover(false)}
        onDrop={(event) => { event.preventDefault(); hover(false); take(event.dataTransfer?.files[0]); }}>
        Drop an image here, or choose one
        <input type="file" id="invert" accept="image/*" onChange={(event) => take(event.currentTarget.files?.[0])} />
      </label>
      {found && <p><img class="pixels thumb" alt="The image given" src={found.image} /> Its nearest image is shown now; it differs by {found.distance.toFixed(3)} of 1 (root mean square).</p>}
      <p class="small" role="status">{said}</p>
    </section>
  );
}

function Memorised({ backend, state, label, point }: Shared & { point: number[] }) {
  const [found, show] = useState<Nearest | null>(null), [verdict, judge] = useState(""), [said, run] = useTask();
  return (
    <section class="card" aria-label="Has it memorised?">
      <h2>Has it memorised?</h2>
      <div class="row">
        <button type="button" onClick={() => void run("searching the training images …", async () => show(await backend.nearest(point, label, state.seed)))}>Nearest training images</button>
        <button type="button" onClick={() => void run("testing 300 samples, which may take a minute …", async () => judge((await backend.verdict()).explanation))}>Test for copies</button>
      </div>
      {found && <figure><img class="pixels" id="nearest" alt="The nearest training images, the nearest first" src={found.sheet} />
        <figcaption class="small">differ by {found.distances.map((distance) => distance.toFixed(3)).join(", ")} (root mean square of values from 0 to 1)</figcaption></figure>}
      {verdict && <p id="verdict">{verdict}</p>}
      <p class="small" role="status">{said}</p>
    </section>
  );
}
