// This changes, that stays: what the two directions of the pad do to what can be read from an image.
import { useEffect, useState } from "preact/hooks";
import type { Effects, Factor } from "./backend";
import type { Shared } from "./explore";
import { useNewest, useTask } from "./parts";

/** From here on a factor counts as changed, as much as half of what another sample does; below the other it stays. */
const CHANGED = 0.5, KEPT = 0.25;

export function Changes({ backend, info, across, down, learn }: Shared & { across: Factor; down: Factor }) {
  const [found, show] = useState<Effects | null>(null), [said, run] = useTask(), [learning, busy] = useState(false), newest = useNewest();
  const chosen = across.id === down.id ? [across] : [across, down], asked = chosen.map((factor) => factor.id);
  const measure = () => newest.run(() => run("", async () => show(await backend.effects(asked))));
  useEffect(() => {
    const timer = setTimeout(() => void measure(), 400);
    return () => clearTimeout(timer);
  }, [across.id, down.id, across.vector, down.vector, info.step]);
  const read = async () => {
    busy(true);
    await run("a small network learns to read them from the training images, which takes a minute or so …", async () => {
      learn(await backend.learn());
      show(await backend.effects(asked));
    });
    busy(false);
  };
  const measured = found && chosen.every((factor) => found.directions[factor.id]);
  return (
    <section class="card" aria-label="What changes, what stays">
      <h2>This changes, that stays</h2>
      {measured && chosen.map((factor) => <p key={factor.id} class="changes"><b>{factor.name}</b> {told(found, factor.id)}</p>)}
      {measured && (
        <div class="scroll"><table class="effects">
          <thead><tr><th scope="col">read from images</th>{chosen.map((factor) => <th scope="col" key={factor.id}>{factor.name}</th>)}</tr></thead>
          <tbody>{found.factors.map((name, place) => (
            <tr key={name}><th scope="row">{name}</th>{chosen.map((factor) => <Size key={factor.id} size={found.directions[factor.id].sizes[place]} />)}</tr>
          ))}</tbody>
        </table></div>
      )}
      {measured && <p class="small">Moved there and back by two thirds of the range, over {found.count} samples: 0 stays, 1 changes as much as taking another sample does.
        {found.learnt && ` ${found.learnt.factors.some((name) => name.startsWith("class=")) ? "The class is" : "The data's factors are"} read by ${found.learnt.source}${reads(found.learnt.explained)}.`}</p>}
      {found && !found.learnt && <button type="button" disabled={learning} onClick={() => void read()}>Read factors or classes of the data too</button>}
      <p class="small" role="status">{said}</p>
    </section>
  );
}

const reads = (explained: number[] | null) => (explained ? `, which explains ${Math.round(100 * Math.min(...explained))} to ${Math.round(100 * Math.max(...explained))} % of what it was not trained on` : "");

/** In words: what changes, the most first, and what stays. */
function told(found: Effects, id: string): string {
  const { sizes, shifts } = found.directions[id];
  const all = found.factors.map((name, place) => ({ name, size: sizes[place] ?? Infinity, shift: shifts[place] }));
  const changed = all.filter(({ size }) => size >= CHANGED).sort((one, other) => other.size - one.size).slice(0, 3);
  const kept = all.filter(({ size }) => size < KEPT).map(({ name }) => name);
  const way = (size: number, shift: number | null) => (shift === null || Math.abs(shift) < size / 2 ? "" : shift > 0 ? " (up)" : " (down)");
  const first = changed.length ? `changes ${changed.map(({ name, size, shift }) => name + way(size, shift)).join(", ")}` : "changes nothing of this much";
  return `${first}; ${kept.length ? `${kept.join(", ")} ${kept.length > 1 ? "stay" : "stays"}` : "nothing stays"}.`;
}

function Size({ size }: { size: number | null }) {
  return (
    <td class={size !== null && size < KEPT ? "kept" : size === null || size >= CHANGED ? "changed" : ""}>
      <meter min="0" max="2" value={size ?? 2} aria-hidden="true" /><span>{size === null ? "∞" : size.toFixed(2)}</span>
    </td>
  );
}
