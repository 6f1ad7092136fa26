// Points of the plane on a canvas: D's output as a field, G's map as a warped lattice, data and samples.
import type { Plane } from "./backend";

export const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function paint(canvas: HTMLCanvasElement, plane: Plane, parts: Record<string, boolean>): void {
  const context = canvas.getContext("2d")!, { width, height } = canvas, [x0, x1, y0, y1] = plane.box;
  const at = ([x, y]: number[]): [number, number] => [((x - x0) / (x1 - x0)) * width, height - ((y - y0) / (y1 - y0)) * height];
  const night = dark();
  context.fillStyle = night ? "#1a202c" : "#ffffff";
  context.fillRect(0, 0, width, height);
  if (parts.field) {
    const n = plane.field.length, size = width / n;
    plane.field.forEach((row, j) => row.forEach((logit, i) => {
      const share = 1 / (1 + Math.exp(-logit));
      context.fillStyle = `hsl(${share > 0.5 ? 215 : 25} 70% ${night ? 20 + 25 * Math.abs(share - 0.5) * 2 : 97 - 30 * Math.abs(share - 0.5) * 2}%)`;
      context.fillRect(i * size, height - (j + 1) * size, size + 1, size + 1);
    }));
  }
  if (parts.lattice) {
    context.strokeStyle = night ? "#a0aec0" : "#4a5568";
    context.lineWidth = 0.7;
    for (const lines of plane.lattice) for (const line of lines) {
      context.beginPath();
      line.forEach((point, place) => context[place ? "lineTo" : "moveTo"](...at(point)));
      context.stroke();
    }
  }
  const cross = (point: number[]) => { const [x, y] = at(point); context.fillRect(x - 2, y, 5, 1); context.fillRect(x, y - 2, 1, 5); };
  if (parts.data && plane.data) { context.fillStyle = night ? "#f6ad55" : "#9c4221"; plane.data.forEach(cross); }
  if (parts.samples) { context.fillStyle = night ? "#63b3ed" : "#2a4365"; plane.samples.forEach((point) => { context.beginPath(); context.arc(...at(point), 2, 0, 7); context.fill(); }); }
}
