// The page: the state, the game that runs on the server, and the controls of both.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useNewest } from "../parts";
import { Charts } from "./charts";
import { Plane } from "./plane";
import { type About, type Experiment, type Frame, type Point, type Settings, type Still, server } from "./server";
import { Pick, SettingsOf } from "./settings";
import { fromAddress, type Parts, SHARED, SPEEDS, start, type State, toAddress } from "./state";

/** Milliseconds from frame to frame, at least; curves come with every eighth. */
const PAUSE = 33, CURVES = 8;
const PARTS: [keyof Parts, string][] = [["field", "D's output"], ["lattice", "G's map"], ["arrows", "gradients"], ["data", "data"], ["samples", "samples"]];
const MOVED: Record<string, string> = { d: "D moved", g: "G moved" };
const figure = (value: number | null | undefined, digits = 3) => (value === null || value === undefined ? "–" : Number(value.toPrecision(digits)).toString());

export function Play({ about }: { about: About }) {
  const usual = useMemo(() => start(about), [about]);
  const [state, replace] = useState(() => fromAddress(location.hash, about)), [stills, know] = useState<Still[]>([]), [frame, show] = useState<Frame | null>(null);
  const [curves, follow] = useState<Frame | null>(null), [playing, run] = useState(false), [drawing, draw] = useState(false), [editing, edit] = useState(0);
  const [failed, fail] = useState(""), [said, say] = useState("Preparing the game. The very first time kernels are compiled, some 15 seconds."), [rate, measure] = useState(0);
  const session = useRef(""), written = useRef(""), newest = useNewest(), current = useRef(state), asked = useRef(0), wanted = useRef(false), last = useRef<Frame | null>(null);
  current.current = state;

  const trouble = (error: unknown) => fail(error instanceof Error ? error.message : String(error));
  const look = async (history: boolean) => {
    const made = await server.frame(session.current, history), before = last.current;
    if (made.sides.length !== current.current.sides.length) return;
    last.current = made;
    show(made);
    if (history) follow(made);
    if (before && made.step < before.step) follow(made.sides[0].history ? made : null);
    const faults = made.sides.map((side, number) => side.fault && `${"AB"[number]}: ${side.fault}`).filter(Boolean);
    if (faults.length) {
      fail(faults.join(" "));
      run(false);
    }
  };
  /** Settings to the server, of several changes only the newest; then a frame. */
  const send = (next: State, anew = false, go?: boolean) => {
    wanted.current ||= anew;
    void newest.run(async () => {
      try {
        const begun = await server.set(session.current, current.current.sides, wanted.current);
        wanted.current = false;
        session.current = begun.session;
        know(begun.sides);
        fail("");
        if (go !== undefined) await server.play(session.current, go, next.speed);
        if (begun.anew) say(`Begun anew: G has ${begun.sides[0].parameters[0].toLocaleString("en")} weights, D ${begun.sides[0].parameters[1].toLocaleString("en")}.`);
        await look(true);
        if (go !== undefined) run(go);
      } catch (error) {
        trouble(error);
        if (go !== undefined) run(false);
      }
    });
  };
  const put = (change: Partial<State>, anew = false, go?: boolean) => {
    const next = { ...current.current, ...change };
    current.current = next;
    replace(next);
    if (change.sides || anew || go !== undefined) send(next, anew, go);
  };
  const change = (number: number, what: Partial<Settings>) => {
    const shared = Object.keys(what).some((name) => (SHARED as readonly string[]).includes(name));
    put({ sides: current.current.sides.map((side, place) => (shared || place === number ? { ...side, ...what } : side)) });
  };

  useEffect(() => {
    send(current.current, true, false);
    const went = () => {
      if (location.hash.slice(1) === written.current) return;
      put(fromAddress(location.hash, about), true, false);
    };
    addEventListener("hashchange", went);
    return () => removeEventListener("hashchange", went);
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => {
      written.current = toAddress(state, about);
      history.replaceState(null, "", `#${written.current}`);
    }, 250);
    return () => clearTimeout(timer);
  }, [state]);
  useEffect(() => {
    if (!playing) return measure(0);
    let on = true, began = performance.now(), step = last.current?.step ?? 0;
    const loop = async () => {
      while (on) {
        const now = performance.now();
        if (document.visibilityState === "visible") {
          try {
            await look(asked.current++ % CURVES === 0);
          } catch (error) {
            if (on) { trouble(error); run(false); }
            return;
          }
        }
        if (now - began > 1000) {
          measure(Math.max(0, (1000 * ((last.current?.step ?? 0) - step)) / (performance.now() - began)));
          [began, step] = [performance.now(), last.current?.step ?? 0];
        }
        await new Promise((then) => setTimeout(then, Math.max(1, PAUSE - (performance.now() - now))));
      }
    };
    void loop();
    return () => { on = false; };
  }, [playing]);

  const go = async (on: boolean, speed = state.speed) => {
    try {
      await server.play(session.current, on, speed);
      if (on) draw(false);
      run(on);
      if (!on) {
        await look(true);
        say(`Stopped at step ${last.current?.step}: ${told(last.current, stills)}`);
      }
    } catch (error) { trouble(error); }
  };
  const update = async (player: string) => {
    try {
      run(false);
      await server.update(session.current, player, 1);
      await look(true);
      say(`${player === "both" ? "One step" : `One update of ${player.toUpperCase()}`}: ${told(last.current, stills)}`);
    } catch (error) { trouble(error); }
  };
  const choose = (experiment: Experiment) => {
    draw(false);
    edit(0);
    put({ sides: structuredClone(experiment.sides), experiment: experiment.id, speed: experiment.speed }, true, true);
  };
  const [first] = state.sides, several = state.sides.length > 1, experiment = about.experiments.find((one) => one.id === state.experiment);
  const points = first.data === "drawn" ? first.points : [];
  const drawn = (made: Point[]) => change(0, made.length ? { data: "drawn", points: made } : { data: usual.sides[0].data, points: [] });
  const differ = several ? Object.keys(first).filter((name) => JSON.stringify(first[name as keyof Settings]) !== JSON.stringify(state.sides[1][name as keyof Settings])) : [];
  const edited = state.sides[Math.min(editing, state.sides.length - 1)];
  return (
    <>
      <header>
        <h1>Play with a GAN</h1>
        <p class="small">Step <b id="step">{(frame?.step ?? 0).toLocaleString("en")}</b>{playing ? `, ${rate.toFixed(rate < 10 ? 1 : 0)} steps a second` : ""}{frame?.moved && !playing ? `, ${MOVED[frame.moved]}` : ""}{playing && state.speed <= 5 && frame?.moved ? `: ${MOVED[frame.moved]}` : ""}</p>
      </header>
      <main class="play">
        <p class="error" role="alert">{failed}</p>
        <section class="card" aria-label="What one sees in the mathematics">
          <h2>What one sees in the mathematics</h2>
          <div class="row tight" id="experiments">{about.experiments.map((one) => (
            <button type="button" key={one.id} aria-pressed={one.id === state.experiment} onClick={() => choose(one)}>{one.name}</button>
          ))}</div>
          {experiment && <p id="told">{experiment.sentences.join(" ")}{differ.length > 0 && <> <span class="small">In the settings they differ in {differ.map((name) => name.replace("_", " ")).join(", ")}.</span></>}</p>}
        </section>
        <section class="card controls" aria-label="Controls">
          <div class="row tight">
            <button type="button" class="strong" id="play" onClick={() => void go(!playing)}>{playing ? "Pause" : "Play"}</button>
            <button type="button" onClick={() => void update("both")}>One step</button>
            <button type="button" onClick={() => void update("d")}>Update D</button>
            <button type="button" onClick={() => void update("g")}>Update G</button>
            <button type="button" onClick={() => put({}, true, false)}>Reset</button>
            <label class="setting short"><span>Seed</span><input type="number" min={0} max={about.bounds.seed[1]} step={1} value={first.seed} onChange={(event) => event.currentTarget.validity.valid && event.currentTarget.value !== "" && change(0, { seed: Number(event.currentTarget.value) })} /></label>
            <label class="setting short"><span>Steps</span><select value={state.speed} onChange={(event) => { const speed = Number(event.currentTarget.value); put({ speed }); void go(playing, speed); }}>{SPEEDS.map(([speed, name]) => <option value={speed} key={speed}>{name}</option>)}</select></label>
          </div>
          <div class="row tight">
            <Pick label="Data" value={first.data} names={[...Object.keys(about.distributions), ...(first.data === "drawn" ? ["drawn"] : [])]} called={{ ...about.distributions, drawn: "drawn points" }} onChange={(data) => change(0, { data, points: [] })} />
            <button type="button" id="draw" aria-pressed={drawing} onClick={() => { if (playing) void go(false); draw(!drawing); }}>Draw points</button>
            {drawing && <button type="button" onClick={() => drawn([])}>Clear</button>}
            <label class="check"><input type="checkbox" checked={several} onChange={() => { edit(several ? 0 : 1); put({ sides: several ? [first] : [first, structuredClone(first)], experiment: "" }, true); }} /> Two settings side by side</label>
          </div>
          {drawing && <p class="small" id="drawing-help">Draw with the mouse or a finger. By keyboard: arrow keys move the cursor (with Shift farther), Enter sets a point, Backspace takes away those near it.</p>}
          <p class="small said" role="status">{said}</p>
        </section>
        <div class={several ? "stage two" : "stage"}>
          {state.sides.map((_, number) => (!drawing || number === 0) && (
            <section class="card side" key={number} aria-label={several ? `Side ${"AB"[number]}` : "The plane"}>
              {several && <h2>{"AB"[number]}</h2>}
              <Plane about={about} number={number} several={several} frame={frame} still={stills[number] ?? null} parts={state.parts} drawing={drawing} points={points} draw={drawn} />
              <Figures frame={frame} still={stills[number]} number={number} />
            </section>
          ))}
        <section class="card below" aria-label="What is shown">
          <div class="row tight parts">{PARTS.map(([name, label]) => <label key={name}><input type="checkbox" checked={state.parts[name]} onChange={() => put({ parts: { ...state.parts, [name]: !state.parts[name] } })} /> {label}</label>)}</div>
          <p class="small">Crosses are data, dashed circles their modes, dots are samples. The field is lighter where D says real; on the line it cannot tell. An arrow is the gradient that a sample receives, −∂L_G/∂x: 0.3 units of the plane for a length of 1, at most 0.9. G's map is what becomes of a lattice of z.{several ? " In the curves A's lines are drawn through, B's are dashed." : ""}</p>
          <Charts frame={curves} modes={Math.max(0, ...stills.map((still) => still.modes.length))} />
        </section>
          <section class="card panel" aria-label="Settings">
            <h2>Settings</h2>
            {several && <div class="row tight" role="group" aria-label="Whose settings">{state.sides.map((_, number) => <button type="button" key={number} aria-pressed={number === editing} onClick={() => edit(number)}>Settings of {"AB"[number]}</button>)}</div>}
            <SettingsOf about={about} side={edited} set={(what) => change(editing, what)} />
          </section>
        </div>
      </main>
    </>
  );
}

function told(frame: Frame | null, stills: Still[]): string {
  return (frame?.sides ?? []).map((side, number) => `${frame!.sides.length > 1 ? `${"AB"[number]} covers` : "covers"} ${side.modes} of ${stills[number]?.modes.length} modes, mean arrow ${figure(side.arrow)}`).join("; ") + ".";
}

function Figures({ frame, still, number }: { frame: Frame | null; still?: Still; number: number }) {
  const side = frame?.sides[number];
  if (!side || !still) return null;
  const rows: [string, string][] = [
    ["L_D", figure(side.d_loss)], ["L_G", figure(side.g_loss)], ["modes covered", `${side.modes} of ${still.modes.length}`],
    ["samples near a mode", `${Math.round(100 * side.near)} %`], ["mean arrow", figure(side.arrow)], ["distance of the means", figure(side.distance)],
  ];
  return <dl class="figures">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
