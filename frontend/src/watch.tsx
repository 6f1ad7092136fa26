// A run while it trains: curves, grids over the steps, hints; several runs side by side.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Backend, Info, Run } from "./backend";
import { Slide, useAddress, useNewest } from "./parts";
import { dark } from "./plane";
import { Points } from "./points";

const CHARTS: [string, RegExp][] = [
  ["Losses", /^[dg]_loss$/], ["Accuracy of D", /accuracy$/], ["Spread of samples (real: 1)", /spread/],
  ["Norms", /norm|gradient/], ["Penalties and codes", /penalty|auxiliary/],
];
const COLOURS = dark() ? ["#63b3ed", "#f6ad55", "#68d391", "#b794f4", "#f687b3", "#a0aec0"] : ["#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#4a5568"];
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

export function Watch({ backend, info }: { backend: Backend; info: Info }) {
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
    </div>
  );
}

function One({ backend, info, run, number }: { backend: Backend; info: Info; run: Run; number: number }) {
  const [step, at] = useState<number | null>(null), newest = useNewest();
  const [grid, show] = useState<{ step: number; blob: Blob } | null>(null), address = useAddress(grid?.blob ?? null), [failed, fail] = useState("");
  const last = run.grids?.at(-1), shown = step ?? last;
  const plane = run.there && (run.planes.length > 0 || (number === 0 && info.plane));
  useEffect(() => {
    if (shown !== undefined && !plane) void newest.run(async () => {
      try {
        show({ step: shown, blob: await backend.grid(number, shown) });
        fail("");
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
    });
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
      <div class="panes">
      {plane && <Points backend={backend} run={number} steps={run.planes} step={run.step} />}
      {shown !== undefined && !plane && (
        <figure>
          {grid && address && <img class="pixels full grids" alt={`Images of the same z after ${grid.step} steps`} src={address} />}
          <p class="error" role="alert">{failed}</p>
          <figcaption>
            <Slide label="Step" low={0} high={run.grids.length - 1} step={1} value={run.grids.indexOf(shown)} show={shown.toLocaleString("en")}
              onInput={(place) => at(place === run.grids.length - 1 ? null : run.grids[place])} />
          </figcaption>
        </figure>
      )}
      <div>{charts.filter(([, some]) => some.length).map(([title, some]) => <Chart key={title} title={title} curves={some.map((name) => [name, ...run.curves[name]])} />)}</div>
      </div>
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
