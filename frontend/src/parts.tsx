// Small parts that several views have.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Factor, Sheet } from "./backend";

/** Runs one task at a time; of those that come meanwhile only the newest. A task says its failures itself; one that does not is in the console. */
export class Newest {
  private busy = false;
  private next: (() => Promise<void>) | null = null;
  async run(task: () => Promise<void>): Promise<void> {
    if (this.busy) {
      this.next = task;
      return;
    }
    this.busy = true;
    for (let now: (() => Promise<void>) | null = task; now; ) {
      this.next = null;
      await now().catch(reportError);
      now = this.next;
    }
    this.busy = false;
  }
}

export function useNewest(): Newest {
  const kept = useRef<Newest | null>(null);
  return (kept.current ??= new Newest());
}

/** An address of a blob, freed when another takes its place. */
export function useAddress(blob: Blob | null): string | null {
  const [address, set] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return set(null);
    const made = URL.createObjectURL(blob);
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return address;
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** One image of a sheet as a button as wide as its place. */
export function Tile({ sheet, address, index, name, pressed, onClick }: {
  sheet: Sheet; address: string; index: number; name: string; pressed?: boolean; onClick: () => void;
}) {
  const { columns } = sheet, rows = Math.ceil(sheet.count / columns);
  const share = (place: number, count: number) => (count > 1 ? (100 * place) / (count - 1) : 0);
  return (
    <button
      type="button" class="tile" aria-label={name} title={name} aria-pressed={pressed} tabIndex={pressed === false ? -1 : 0} onClick={onClick}
      style={{
        aspectRatio: `${sheet.width} / ${sheet.height}`, backgroundImage: `url(${address})`,
        backgroundSize: `${100 * columns}% ${100 * rows}%`,
        backgroundPosition: `${share(index % columns, columns)}% ${share(Math.floor(index / columns), rows)}%`,
      }}
    />
  );
}

export const GROUPS: Record<string, string> = {
  kept: "kept with the run", code: "codes", class: "towards a class", factor: "factors of the data", principal: "principal directions", "closed-form": "closed form", axis: "axes of z",
};

export function Choose({ label, value, factors, onChange }: { label: string; value: string; factors: Factor[]; onChange: (id: string) => void }) {
  const groups = [...new Set(factors.map((factor) => factor.group))];
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {groups.map((group) => (
          <optgroup label={GROUPS[group] ?? group} key={group}>
            {factors.filter((factor) => factor.group === group).map((factor) => (
              <option value={factor.id} key={factor.id}>{factor.name}</option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

export function Slide({ label, value, low, high, step, onInput, show }: {
  label: string; value: number; low: number; high: number; step: number | "any"; onInput: (value: number) => void; show?: string;
}) {
  return (
    <label class="slide">
      <span>{label}</span>
      <input type="range" aria-label={label} min={low} max={high} step={step} value={value} aria-valuetext={show} onInput={(event) => onInput(Number(event.currentTarget.value))} />
      <output>{show ?? value.toFixed(2)}</output>
    </label>
  );
}

/** What a task says while it runs, and when it fails. */
export function useTask(): [string, (says: string, task: () => Promise<void>) => Promise<void>] {
  const [said, say] = useState("");
  return [said, async (says, task) => {
    say(says);
    try {
      await task();
      say("");
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }];
}
