// The page: the state, the tabs, and what each shows.
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Backend, Factor, Info } from "./backend";
import { Explore } from "./explore";
import { Samples } from "./samples";
import { fromAddress, start, type State, type Tab, toAddress } from "./state";
import { Watch } from "./watch";

const TABS: [Tab, string][] = [["explore", "Explore"], ["samples", "Samples"], ["watch", "Watch"]];

function App({ backend, first, known }: { backend: Backend; first: Info; known: Factor[] }) {
  const [info, describe] = useState(first), [factors, learn] = useState(known);
  const usual = useMemo(() => start(info, factors), [info, factors]);
  const [state, replace] = useState(() => fromAddress(location.hash, first, known));
  const [own, find] = useState<{ seed: number; z: number[]; label: number | null } | null>(null);
  const [failed, fail] = useState("");
  const written = useRef("");
  useEffect(() => {
    const timer = setTimeout(() => {
      written.current = toAddress(state, usual);
      history.replaceState(null, "", `#${written.current}`);
    }, 250);
    return () => clearTimeout(timer);
  }, [state, usual]);
  useEffect(() => {
    const went = () => location.hash.slice(1) !== written.current && replace(fromAddress(location.hash, info, factors));
    addEventListener("hashchange", went);
    return () => removeEventListener("hashchange", went);
  }, [info, factors]);
  useEffect(() => {
    let wanted = true;
    backend.points([state.seed]).then(
      ({ z, labels }) => wanted && (find({ seed: state.seed, z: z[0], label: labels[0] }), fail("")),
      (error: Error) => wanted && fail(error.message),
    );
    return () => { wanted = false; };
  }, [state.seed, info.step]);
  const set = (change: Partial<State>) => replace((before) => ({ ...before, ...change }));
  const refresh = async () => {
    try {
      describe(await backend.reload());
      learn(await backend.factors());
    } catch (error) {
      fail((error as Error).message);
    }
  };
  const z = state.base ?? own?.z, label = info.labels ? state.label ?? own?.label ?? info.labels[0].value : null;
  const tabs = TABS.filter(([tab]) => (tab === "watch" ? backend.server : info.images));
  const shared = z && { backend, info, factors, state, z, label, set, learn };
  return (
    <>
      <header>
        <h1>{info.run}</h1>
        <p class="small">{info.model}, {info.shape.join(" × ")}, z of {info.dim}{info.step === null || !info.images ? "" : `, step ${info.step.toLocaleString("en")}`}</p>
        {backend.server && info.images && <button type="button" onClick={() => void refresh()}>Newest checkpoint</button>}
        <nav aria-label="Views">{tabs.map(([tab, name]) => (
          <button type="button" key={tab} aria-current={tab === state.tab ? "page" : undefined} onClick={() => set({ tab })}>{name}</button>
        ))}</nav>
      </header>
      <main>
        <p class="error" role="alert">{failed}</p>
        {state.tab === "explore" && shared && <Explore {...shared} />}
        {state.tab === "samples" && shared && <Samples {...shared} />}
        {state.tab === "watch" && backend.server && <Watch backend={backend} info={info} />}
      </main>
    </>
  );
}

export async function open(opening: () => Promise<Backend>): Promise<void> {
  const place = document.getElementById("app")!;
  try {
    const backend = await opening();
    const info = await backend.info(), factors = info.images ? await backend.factors() : [];
    document.title = `${info.run}: explore`;
    place.textContent = "";
    render(<App backend={backend} first={info} known={factors} />, place);
  } catch (error) {
    place.textContent = error instanceof Error ? error.message : String(error);
  }
}
