// The plane of one side: painted, and drawn on with mouse, finger or keys.
import { useEffect, useRef, useState } from "preact/hooks";
import { paint } from "./paint";
import type { About, Frame, Point, Still } from "./server";
import type { Parts } from "./state";

const APART = 0.07;

export function Plane({ about, number, several, frame, still, parts, drawing, points, draw }: {
  about: About; number: number; several: boolean; frame: Frame | null; still: Still | null; parts: Parts;
  drawing: boolean; points: Point[]; draw: (points: Point[]) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null), [cursor, move] = useState<Point>([0, 0]), [focused, focus] = useState(false), [wide, resize] = useState(0);
  const side = frame?.sides[number] ?? null, edge = about.edge, within = (value: number) => Math.max(-edge, Math.min(edge, value));
  const stroke = useRef<Point[] | null>(null), [held, hold] = useState<Point[] | null>(null);
  useEffect(() => {
    const watcher = new ResizeObserver(() => resize(canvas.current?.clientWidth ?? 0)), scheme = matchMedia("(prefers-color-scheme: dark)"), again = () => resize((one) => one + 1e-3);
    watcher.observe(canvas.current!);
    scheme.addEventListener("change", again);
    return () => { watcher.disconnect(); scheme.removeEventListener("change", again); };
  }, []);
  useEffect(() => {
    if (canvas.current) paint(canvas.current, frame, side, still, edge, parts, drawing ? held ?? points : null, drawing && focused ? cursor : null);
  }, [frame, still, parts, drawing, points, held, cursor, focused, wide]);
  const at = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect(), round = (value: number) => Number(within(value).toFixed(3));
    return [round(((event.clientX - box.left) / box.width) * 2 * edge - edge), round(edge - ((event.clientY - box.top) / box.height) * 2 * edge)];
  };
  const add = (point: Point) => {
    const all = stroke.current!, last = all.at(-1);
    if (all.length >= about.drawn || (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < APART && all.length > points.length)) return;
    all.push(point);
    hold(all.slice());
  };
  const down = (event: PointerEvent) => {
    canvas.current!.setPointerCapture(event.pointerId);
    stroke.current = points.slice();
    add(at(event));
  };
  const up = () => {
    if (stroke.current) draw(stroke.current);
    stroke.current = null;
    hold(null);
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }, step = steps[event.key], size = event.shiftKey ? 0.5 : 0.1;
    if (step) move([Number(within(cursor[0] + size * step[0]).toFixed(2)), Number(within(cursor[1] + size * step[1]).toFixed(2))]);
    else if (event.key === "Enter" || event.key === " ") draw([...points, cursor].slice(0, about.drawn));
    else if (event.key === "Backspace" || event.key === "Delete") draw(points.filter(([x, y]) => Math.hypot(x - cursor[0], y - cursor[1]) > 0.2));
    else return;
    event.preventDefault();
  };
  const letter = "AB"[number], what = side && still
    ? `${several ? `${letter}: ` : ""}step ${frame!.step}; ${side.modes} of ${still.modes.length} modes covered, mean arrow ${side.arrow?.toPrecision(2) ?? "none"}; data as crosses, samples as dots, D's output as a field`
    : "not begun";
  return drawing ? (
    <div>
      <canvas ref={canvas} class="plane drawing" tabIndex={0} role="application" aria-label="Drawing board" aria-describedby="drawing-help" id={`plane-${letter}`}
        onPointerDown={down} onPointerMove={(event) => stroke.current && add(at(event))} onPointerUp={up} onPointerCancel={up} onKeyDown={press} onFocus={() => focus(true)} onBlur={() => focus(false)} />
      <p class="small" role="status">{points.length} of {about.drawn} points{focused ? `; cursor at ${cursor[0].toFixed(1)}, ${cursor[1].toFixed(1)}` : ""}</p>
    </div>
  ) : <canvas ref={canvas} class="plane" role="img" aria-label={what} id={`plane-${letter}`} data-step={frame?.step} />;
}
