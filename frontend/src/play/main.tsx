// The page that `gan-np play` serves.
import { render } from "preact";
import { Play } from "./play";
import { server } from "./server";

const place = document.getElementById("app")!;
try {
  const about = await server.about();
  place.textContent = "";
  render(<Play about={about} />, place);
} catch (error) {
  place.textContent = error instanceof Error ? error.message : String(error);
}
