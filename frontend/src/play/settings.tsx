// The settings of one side.
import { Slide } from "../parts";
import type { About, Settings } from "./server";

type Change = (change: Partial<Settings>) => void;
const ACTIVATIONS: Record<string, string> = { leaky_relu: "leaky ReLU", relu: "ReLU", tanh: "tanh" };
const LATENTS: Record<string, string> = { normal: "normal", uniform: "uniform" };

export function SettingsOf({ about, side, set }: { about: About; side: Settings; set: Change }) {
  const objective = about.objectives[side.objective];
  const bare = objective.constrained && !Object.keys(side.penalties).length && !side.clip_weights;
  const whole = (name: keyof Settings, label: string) => <Whole key={name} about={about} side={side} name={name} label={label} set={set} />;
  return (
    <div class="settings">
      <fieldset>
        <legend>The game</legend>
        <Pick label="Objective" value={side.objective} names={Object.keys(about.objectives)} onChange={(objective) => set({ objective })} />
        <p class="small">{objective.help}</p>
        {bare && <p class="hint">Its D must be kept from growing ever steeper: give a penalty a weight, or clip the weights.</p>}
        {Object.entries(about.penalties).map(([name, help]) => (
          <Numeric key={name} label={`Penalty ${name}`} title={help} value={side.penalties[name] ?? 0} low={0} high={1000} onChange={(weight) => set({ penalties: { ...side.penalties, [name]: weight } })} />
        ))}
        <Numeric label="Clip weights of D at" title="0: not at all" value={side.clip_weights} low={0} high={10} onChange={(clip_weights) => set({ clip_weights })} />
        <Numeric label="Noise on what D sees" value={side.instance_noise} low={0} high={2} onChange={(instance_noise) => set({ instance_noise })} />
        {whole("d_steps", "D's updates for one of G")}
      </fieldset>
      <fieldset>
        <legend>Learning</legend>
        <Pick label="Optimiser" value={side.optimizer} names={about.optimizers} onChange={(optimizer) => set({ optimizer })} />
        <Rate label="G's rate" value={side.g_rate} onChange={(g_rate) => set({ g_rate })} />
        <Rate label="D's rate" value={side.d_rate} onChange={(d_rate) => set({ d_rate })} />
        <Slide label={side.optimizer === "adam" ? "Momentum β₁" : "Momentum"} low={0} high={0.99} step={0.01} value={side.momentum} onInput={(momentum) => set({ momentum })} />
        {whole("batch", "Batch")}
      </fieldset>
      <fieldset>
        <legend>Networks (a change begins anew)</legend>
        {whole("packing", "Points that D judges together")}
        {whole("g_layers", "G's hidden layers")}{whole("g_units", "G's units")}
        {whole("d_layers", "D's hidden layers")}{whole("d_units", "D's units")}
        <Pick label="Activation" value={side.activation} names={about.activations} called={ACTIVATIONS} onChange={(activation) => set({ activation })} />
        {whole("latent_dim", "Size of z")}
        <Pick label="Distribution of z" value={side.latent} names={about.latents} called={LATENTS} onChange={(latent) => set({ latent })} />
      </fieldset>
    </div>
  );
}

export function Pick({ label, value, names, called = {}, onChange }: { label: string; value: string; names: string[]; called?: Record<string, string>; onChange: (name: string) => void }) {
  return (
    <label class="setting"><span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>{names.map((name) => <option value={name} key={name}>{called[name] ?? name}</option>)}</select>
    </label>
  );
}

function Numeric({ label, title, value, low, high, step = "any", onChange }: {
  label: string; title?: string; value: number; low: number; high: number; step?: number | "any"; onChange: (value: number) => void;
}) {
  return (
    <label class="setting" title={title}><span>{label}</span>
      <input type="number" min={low} max={high} step={step} value={value} onChange={(event) => {
        const box = event.currentTarget;
        if (box.value !== "" && box.validity.valid) onChange(Number(box.value));
        else { box.reportValidity(); if (box.value === "") box.value = String(value); }
      }} />
    </label>
  );
}

function Whole({ about, side, name, label, set }: { about: About; side: Settings; name: keyof Settings; label: string; set: Change }) {
  const [low, high] = about.bounds[name];
  return <Numeric label={label} value={side[name] as number} low={low} high={high} step={1} onChange={(value) => set({ [name]: value })} />;
}

/** A learning rate, moved evenly in its logarithm. */
function Rate({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  const place = Math.log10(Math.max(value, 1e-5));
  return <Slide label={label} low={-5} high={0.3} step={0.05} value={place} show={value.toPrecision(2)} onInput={(to) => onChange(Number((10 ** to).toPrecision(2)))} />;
}
