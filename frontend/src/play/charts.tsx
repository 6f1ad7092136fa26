// The curves of both sides: A's lines are drawn through, B's are dashed.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { dark } from "./paint";
import type { Frame } from "./server";

/** Title, the columns, and what each is called. */
const CHARTS: [string, [number, string][]][] = [
  ["Losses", [[1, "L_D"], [2, "L_G"]]], ["Modes covered", [[3, "modes"]]],
  ["Mean length of the arrows", [[6, "arrow"]]], ["Distance of samples' mean from the data's", [[5, "distance"]]],
];
const WIDTH = 7, MODES = 3;

export function Charts({ frame, modes }: { frame: Frame | null; modes: number }) {
  const tables = frame?.sides.map((side) => side.history).filter((table) => table !== undefined) ?? [];
  if (!tables.length) return null;
  return <div class="charts">{CHARTS.map(([title, columns]) => <Chart key={`${title}${tables.length}${columns[0][0] === MODES ? modes : ""}`} title={title} columns={columns} tables={tables} top={columns[0][0] === MODES ? modes : null} />)}</div>;
}

function Chart({ title, columns, tables, top }: { title: string; columns: [number, string][]; tables: Float32Array[]; top: number | null }) {
  const place = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null);
  const curves = tables.flatMap((table, side) => columns.map(([column, name]) => ({ table, side, column, name: tables.length > 1 ? `${name} of ${"AB"[side]}` : name })));
  const values = (table: Float32Array, column: number) => Array.from({ length: table.length / WIDTH }, (_, row) => (Number.isFinite(table[row * WIDTH + column]) ? table[row * WIDTH + column] : null));
  const data = () => uPlot.join(curves.map(({ table, column }) => [values(table, 0), values(table, column)] as unknown as uPlot.AlignedData));
  useEffect(() => {
    const style = getComputedStyle(document.documentElement), line = style.getPropertyValue("--line"), night = dark();
    const colours = night ? ["#63b3ed", "#f6ad55"] : ["#2b6cb0", "#c05621"];
    const axis = { stroke: style.getPropertyValue("--text"), grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const made = new uPlot({
      width: place.current!.clientWidth, height: 150, scales: { x: { time: false }, ...(top ? { y: { range: [0, top] as [number, number] } } : {}) }, legend: { live: false }, cursor: { show: false },
      axes: [{ ...axis, size: 30 }, { ...axis, size: 48 }],
      series: [{ label: "step" }, ...curves.map(({ side, name }, number) => ({
        label: name, stroke: colours[columns.length > 1 ? number % 2 : side], dash: [[], [6, 4]][side], width: columns.length > 1 && number % 2 ? 2.4 : 1.4, points: { show: false },
      }))],
    }, data(), place.current!);
    plot.current = made;
    const watcher = new ResizeObserver(() => place.current && made.setSize({ width: place.current.clientWidth, height: 150 }));
    watcher.observe(place.current!);
    return () => { watcher.disconnect(); made.destroy(); };
  }, []);
  useEffect(() => plot.current?.setData(data()), [tables]);
  const last = curves.map(({ table, column, name }) => `${name} ${table[table.length - WIDTH + column]?.toPrecision(3)}`).join(", ");
  return <figure><figcaption>{title}</figcaption><div ref={place} role="img" aria-label={`${title} over the steps; last: ${last}`} /></figure>;
}
