// Builds gan_np/explore/web/ from src/: npm ci && npm run build. What it writes is committed, so that Python users need no Node.
import { build } from "esbuild";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const out = new URL("../gan_np/explore/web/", import.meta.url).pathname;
const packages = ["preact", "uplot", "onnxruntime-web"];
const options = { bundle: true, minify: true, format: "esm", target: "es2022", jsx: "automatic", jsxImportSource: "preact", legalComments: "none" };

await build({ ...options, entryPoints: { app: "src/main.tsx" }, outdir: out });
await build({ ...options, entryPoints: { standalone: "src/standalone.tsx" }, outdir: out });
await build({ bundle: true, minify: true, entryPoints: { app: "src/style.css" }, outdir: out });
await copyFile("src/index.html", out + "index.html");
await build({ ...options, entryPoints: { play: "src/play/main.tsx" }, outdir: out });
await build({ bundle: true, minify: true, entryPoints: { play: "src/play/play.css" }, outdir: out });
await copyFile("src/play/play.html", out + "play.html");
const wasm = await readFile("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
await writeFile(out + "ort.wasm.gz", gzipSync(wasm, { level: 9 }));

let licences = "";
for (const name of packages) {
  const { version, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
  let text = "";
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt"]) text ||= await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => "");
  text ||= await readFile(`licences/${name}.txt`, "utf8");
  licences += `${name} ${version} (${license})\n\n${text.trim()}\n\n\n`;
}
await writeFile(out + "LICENCES.txt", licences.trimEnd() + "\n");
