// A run while it trains: curves, grids over the steps, hints; several runs side by side.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Backend, Info, Plane, Run } from "./backend";
import { Slide, useAddress, useNewest } from "./parts";

const CHARTS: [string, RegExp][] = [
  ["Losses", /^[dg]_loss$/], ["Accuracy of D", /accuracy$/], ["Spread of samples (real: 1)", /spread/],
  ["Norms", /norm|gradient/], ["Penalties and codes", /penalty|auxiliary/],
];
const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const COLOURS = dark() ? ["#63b3ed", "#f6ad55", "#68d391", "#b794f4", "#f687b3", "#a0aec0"] : ["#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#4a5568"];
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

export function Watch({ backend, info, reload }: { backend: Backend; info: Info; reload: () => void }) {
  const [runs, show] = useState<Run[]>([]), [failed, fail] = useState(""), newest = useNewest();
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && void newest.run(async () => {
      try {
        show(await backend.watch());
        fail("");
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
    });
    look();
    const timer = setInterval(look, 2000);
    return () => clearInterval(timer);
  }, []);
  const there = runs.filter((run) => run.there);
  const names = [...new Set(there.flatMap((run) => Object.keys(run.settings)))].filter((name) => new Set(there.map((run) => String(run.settings[name]))).size > 1);
  return (
    <div>
      <p class="error" role="alert">{failed}</p>
      {there.length > 1 && names.length > 0 && (
        <section class="card" aria-label="Settings in which the runs differ"><h2>In which they differ</h2><div class="scroll"><table>
          <thead><tr><th>setting</th>{there.map((run) => <th key={run.name}>{run.name}</th>)}</tr></thead>
          <tbody>{names.map((name) => <tr key={name}><th>{name}</th>{there.map((run) => <td key={run.name}>{String(run.settings[name] ?? "")}</td>)}</tr>)}</tbody>
        </table></div></section>
      )}
      <div class="runs">{runs.map((run, number) => <One key={number} backend={backend} info={info} run={run} number={number} />)}</div>
      {info.plane && <Points backend={backend} step={runs[0]?.step ?? 0} reload={reload} />}
    </div>
  );
}

function One({ backend, run, number }: { backend: Backend; info: Info; run: Run; number: number }) {
  const [step, at] = useState<number | null>(null), [blob, show] = useState<Blob | null>(null), newest = useNewest(), address = useAddress(blob);
  const last = run.grids?.at(-1), shown = step ?? last;
  useEffect(() => {
    if (shown !== undefined) void newest.run(async () => show(await backend.grid(number, shown)));
  }, [shown]);
  if (!run.there) return <section class="card" aria-label={run.name}><h2>{run.name}</h2><p>The folder is not there any more.</p></section>;
  const total = Number(run.settings.steps) || 0, names = Object.keys(run.curves);
  const charts = CHARTS.map(([title, fits]): [string, string[]] => [title, names.filter((name) => fits.test(name) && !name.startsWith("evaluation/"))]);
  for (const name of names.filter((name) => name.startsWith("evaluation/"))) charts.push([name.slice(11), [name]]);
  return (
    <section class="card run" aria-label={run.name}>
      <h2>{run.name}</h2>
      <p role="status">{run.training ? "Trains" : "Does not train now"}: step {run.step.toLocaleString("en")}{total ? ` of ${total.toLocaleString("en")}` : ""}, {Math.round(run.seconds)} s.</p>
      {total > 0 && <progress max={total} value={run.step} aria-label="Share of the training that is done" />}
      {run.hints.map((hint) => <p class="hint" key={`${hint.step}${hint.text}`}><b>Hint, step {hint.step.toLocaleString("en")}:</b> {hint.text}</p>)}
      {shown !== undefined && (
        <figure>
          {address && <img class="pixels full grids" alt={`Images of the same z after ${shown} steps`} src={address} />}
          <figcaption>
            <Slide label="Step" low={0} high={run.grids.length - 1} step={1} value={run.grids.indexOf(shown)} show={shown.toLocaleString("en")}
              onInput={(place) => at(place === run.grids.length - 1 ? null : run.grids[place])} />
          </figcaption>
        </figure>
      )}
      {charts.filter(([, some]) => some.length).map(([title, some]) => <Chart key={title} title={title} curves={some.map((name) => [name, ...run.curves[name]])} />)}
    </section>
  );
}

function Chart({ title, curves }: { title: string; curves: [string, number[], number[]][] }) {
  const place = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null);
  const names = curves.map(([name]) => name).join();
  const data = () => uPlot.join(curves.map(([, steps, values]) => [steps, values] as uPlot.AlignedData));
  useEffect(() => {
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--text");
    const line = getComputedStyle(document.documentElement).getPropertyValue("--line");
    const axis = { stroke: colour, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const made = new uPlot({
      width: place.current!.clientWidth, height: 180, scales: { x: { time: false } },
      axes: [axis, { ...axis, size: 56 }],
      series: [{ label: "step" }, ...curves.map(([name], number) => ({ label: name, stroke: COLOURS[number % 6], dash: DASHES[number % 4], width: 1.5, spanGaps: true }))],
    }, data(), place.current!);
    plot.current = made;
    const watcher = new ResizeObserver(() => place.current && made.setSize({ width: place.current.clientWidth, height: 180 }));
    watcher.observe(place.current!);
    return () => { watcher.disconnect(); made.destroy(); };
  }, [names]);
  useEffect(() => plot.current?.setData(data()), [curves]);
  const last = curves.map(([name, , values]) => `${name} ${values.at(-1)?.toPrecision(3)}`).join(", ");
  return <figure><figcaption>{title}</figcaption><div ref={place} role="img" aria-label={`${title} over the steps; last: ${last}`} /></figure>;
}

function Points({ backend, step, reload }: { backend: Backend; step: number; reload: () => void }) {
  const [plane, show] = useState<Plane | null>(null), [failed, fail] = useState(""), canvas = useRef<HTMLCanvasElement>(null), newest = useNewest();
  const [parts, set] = useState({ field: true, lattice: false, data: true, samples: true });
  useEffect(() => void newest.run(async () => {
    try {
      const opened = await backend.reload();
      if (plane && plane.step === opened.step) return;
      show(await backend.plane());
      reload();
      fail("");
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  }), [step]);
  useEffect(() => { if (plane && canvas.current) paint(canvas.current, plane, parts); }, [plane, parts]);
  return (
    <section class="card" aria-label="Points of the plane">
      <h2>Points of the plane{plane?.step != null ? `, checkpoint of step ${plane.step.toLocaleString("en")}` : ""}</h2>
      <div class="row">{(Object.keys(parts) as (keyof typeof parts)[]).map((name) => (
        <label key={name}><input type="checkbox" checked={parts[name]} onChange={() => set({ ...parts, [name]: !parts[name] })} />
          {{ field: "D's output", lattice: "G's map", data: "data", samples: "samples" }[name]}</label>
      ))}</div>
      <canvas ref={canvas} class="plane" width={480} height={480} role="img" aria-label="Data as crosses, samples as dots, D's output as a field: blue where it says real, orange where it says generated" />
      <p class="small">Crosses are data, dots are samples; D says real where the field is blue, generated where it is orange.</p>
      <p class="error" role="alert">{failed}</p>
    </section>
  );
}

function paint(canvas: HTMLCanvasElement, plane: Plane, parts: Record<string, boolean>): void {
  const context = canvas.getContext("2d")!, { width, height } = canvas, [x0, x1, y0, y1] = plane.box;
  const at = ([x, y]: number[]): [number, number] => [((x - x0) / (x1 - x0)) * width, height - ((y - y0) / (y1 - y0)) * height];
  const night = dark();
  context.fillStyle = night ? "#1a202c" : "#ffffff";
  context.fillRect(0, 0, width, height);
  if (parts.field) {
    const n = plane.field.length, size = width / n;
    plane.field.forEach((row, j) => row.forEach((logit, i) => {
      const share = 1 / (1 + Math.exp(-logit));
      context.fillStyle = `hsl(${share > 0.5 ? 215 : 25} 70% ${night ? 20 + 25 * Math.abs(share - 0.5) * 2 : 97 - 30 * Math.abs(share - 0.5) * 2}%)`;
      context.fillRect(i * size, height - (j + 1) * size, size + 1, size + 1);
    }));
  }
  if (parts.lattice) {
    context.strokeStyle = night ? "#a0aec0" : "#4a5568";
    context.lineWidth = 0.7;
    for (const lines of plane.lattice) for (const line of lines) {
      context.beginPath();
      line.forEach((point, place) => context[place ? "lineTo" : "moveTo"](...at(point)));
      context.stroke();
    }
  }
  const cross = (point: number[]) => { const [x, y] = at(point); context.fillRect(x - 2, y, 5, 1); context.fillRect(x, y - 2, 1, 5); };
  if (parts.data && plane.data) { context.fillStyle = night ? "#f6ad55" : "#9c4221"; plane.data.forEach(cross); }
  if (parts.samples) { context.fillStyle = night ? "#63b3ed" : "#2a4365"; plane.samples.forEach((point) => { context.beginPath(); context.arc(...at(point), 2, 0, 7); context.fill(); }); }
}
