// A GAN of points of the plane: what it was at each step that its run kept, and what it is now.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Backend, Plane } from "./backend";
import { Slide, useNewest } from "./parts";
import { paint } from "./plane";

const MOST_FRAMES = 200, PAUSE = 120;
const NAMES = { field: "D's output", lattice: "G's map", data: "data", samples: "samples" };

export function Points({ backend, run, steps, step }: { backend: Backend; run: number; steps: number[]; step: number }) {
  const [at, go] = useState<number | null>(null), [plane, show] = useState<Plane | null>(null), [failed, fail] = useState("");
  const [playing, play] = useState(false), [parts, set] = useState({ field: true, lattice: false, data: true, samples: true });
  const canvas = useRef<HTMLCanvasElement>(null), newest = useNewest(), known = useRef(new Map<number, Plane>());
  const last = steps.at(-1), wanted = at !== null && steps.includes(at) ? at : last;
  useEffect(() => void newest.run(async () => {
    try {
      if (wanted === undefined) { // a run that kept none: its newest checkpoint
        const opened = await backend.reload();
        if (!plane || plane.step !== opened.step) show(await backend.plane());
      } else {
        const kept = known.current.get(wanted) ?? await backend.plane({ run, step: wanted });
        known.current.set(wanted, kept);
        show(kept);
      }
      fail("");
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  }), [wanted, wanted === undefined ? step : 0]);
  useEffect(() => { // the next one when this one is shown
    if (!playing || plane?.step == null || plane.step !== wanted) return;
    const stride = Math.ceil(steps.length / MOST_FRAMES), place = steps.indexOf(plane.step);
    if (plane.step === last) return play(false);
    const timer = setTimeout(() => go(steps[Math.min(place + stride, steps.length - 1)]), PAUSE);
    return () => clearTimeout(timer);
  }, [playing, plane]);
  useLayoutEffect(() => { if (plane && canvas.current) paint(canvas.current, plane, parts); }, [plane, parts]);
  const start = () => {
    if (playing) return play(false);
    if (wanted === last) go(steps[0]);
    play(true);
  };
  const shown = plane?.step == null ? "" : ` after ${plane.step.toLocaleString("en")} steps`;
  return (
    <figure class="points" aria-label="Points of the plane">
      <div class="row">{(Object.keys(parts) as (keyof typeof parts)[]).map((name) => (
        <label key={name}><input type="checkbox" checked={parts[name]} onChange={() => set({ ...parts, [name]: !parts[name] })} /> {NAMES[name]}</label>
      ))}</div>
      <canvas ref={canvas} class="plane" width={480} height={480} data-step={plane?.step} role="img"
        aria-label={`Points of the plane${shown}: data as crosses, samples as dots, D's output as a field, blue where it says real, orange where it says generated`} />
      {steps.length > 1 && (
        <div class="row">
          <button type="button" onClick={start}>{playing ? "Stop" : "Play the training"}</button>
          <Slide label="Step" low={0} high={steps.length - 1} step={1} value={Math.max(0, steps.indexOf(wanted!))} show={wanted!.toLocaleString("en")}
            onInput={(place) => { play(false); go(place === steps.length - 1 ? null : steps[place]); }} />
        </div>
      )}
      <figcaption class="small">Crosses are data, dots are samples{shown}; D says real where the field is blue, generated where it is orange.
        {steps.length < 2 && " This run kept no earlier moments."}</figcaption>
      <p class="error" role="alert">{failed}</p>
    </figure>
  );
}
