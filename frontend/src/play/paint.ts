// Draws one side of a frame: the field, where D cannot tell, the lattice, data, samples, arrows.
import type { Frame, Point, Side, Still } from "./server";
import type { Parts } from "./state";

export const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
/** How long an arrow of length 1 is drawn, and the longest, in units of the square. */
const ARROW = 0.3, LONGEST = 0.9;

type Colour = [number, number, number];
interface Look { fake: Colour; middle: Colour; real: Colour; edge: string; lattice: string; data: string; sample: string; ring: string; arrow: string; mode: string }
// What D calls real is lighter in both, so that the field can be read without colour.
const LIGHT: Look = { fake: [219, 142, 84], middle: [236, 216, 196], real: [243, 248, 255], edge: "#4a5568", lattice: "rgb(45 55 72 / 55%)", data: "#8a2c0d", sample: "#123a73", ring: "#ffffff", arrow: "#1a202c", mode: "#4a5568" };
const DARK: Look = { fake: [26, 14, 6], middle: [46, 44, 48], real: [66, 100, 146], edge: "#e2e8f0", lattice: "rgb(226 232 240 / 45%)", data: "#fbb36b", sample: "#9fd3ff", ring: "#0b0f15", arrow: "#f7fafc", mode: "#cbd5e0" };

const mixed = (look: Look, share: number): Colour => {
  const [from, to, t] = share < 0.5 ? [look.fake, look.middle, 2 * share] : [look.middle, look.real, 2 * share - 1];
  return from.map((one, place) => Math.round(one + t * (to[place] - one))) as Colour;
};

export function paint(canvas: HTMLCanvasElement, frame: Frame | null, side: Side | null, still: Still | null, edge: number, parts: Parts, drawn: Point[] | null, cursor: Point | null): void {
  const size = canvas.clientWidth * Math.min(devicePixelRatio, 2);
  if (canvas.width !== Math.round(size)) canvas.width = canvas.height = Math.round(size);
  const context = canvas.getContext("2d")!, look = dark() ? DARK : LIGHT, unit = canvas.width / (2 * edge), fine = canvas.width / 480;
  const at = (x: number, y: number): [number, number] => [(x + edge) * unit, (edge - y) * unit];
  context.fillStyle = `rgb(${look.middle})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (frame && side) {
    if (parts.field) field(context, side.field, look, fine);
    if (parts.lattice) lattice(context, side.lattice, frame.unit, at, look, fine);
  }
  const cross = (x: number, y: number, arm: number) => {
    const [px, py] = at(x, y);
    context.moveTo(px - arm, py - arm); context.lineTo(px + arm, py + arm);
    context.moveTo(px - arm, py + arm); context.lineTo(px + arm, py - arm);
  };
  if (parts.data) {
    context.strokeStyle = look.data;
    context.lineWidth = 1.1 * fine;
    context.beginPath();
    if (drawn) for (const [x, y] of drawn) cross(x, y, 5 * fine);
    else if (still) for (const [x, y] of still.data) cross(x, y, 2.2 * fine);
    context.stroke();
    if (still && !drawn) {
      context.strokeStyle = look.mode;
      context.setLineDash([3 * fine, 3 * fine]);
      for (const [x, y] of still.modes) { context.beginPath(); context.arc(...at(x, y), still.reach * unit, 0, 7); context.stroke(); }
      context.setLineDash([]);
    }
  }
  if (frame && side && !drawn) {
    const count = side.samples.length / 2, point = (place: number): [number, number] => at(side.samples[2 * place] / frame.unit, side.samples[2 * place + 1] / frame.unit);
    if (parts.samples) {
      for (const [colour, radius] of [[look.ring, 3.4], [look.sample, 2.6]] as const) {
        context.fillStyle = colour;
        for (let place = 0; place < count; place++) { context.beginPath(); context.arc(...point(place), radius * fine, 0, 7); context.fill(); }
      }
    }
    if (parts.arrows) arrows(context, side, frame.unit, unit, point, look, fine);
  }
  if (cursor) {
    const [x, y] = at(...cursor);
    context.strokeStyle = look.arrow;
    context.lineWidth = 2 * fine;
    context.beginPath();
    context.arc(x, y, 9 * fine, 0, 7);
    context.moveTo(x - 14 * fine, y); context.lineTo(x + 14 * fine, y);
    context.moveTo(x, y - 14 * fine); context.lineTo(x, y + 14 * fine);
    context.stroke();
  }
}

let small: HTMLCanvasElement | null = null;

/** D's output, its cells run into each other, and the line on which it is one half. */
function field(context: CanvasRenderingContext2D, cells: Uint16Array, look: Look, fine: number): void {
  const n = Math.round(Math.sqrt(cells.length)), width = context.canvas.width, image = new ImageData(n, n);
  cells.forEach((value, place) => {
    const row = n - 1 - Math.floor(place / n);
    image.data.set([...mixed(look, value / 65535), 255], 4 * (row * n + (place % n)));
  });
  small ??= document.createElement("canvas");
  if (small.width !== n) small.width = small.height = n;
  small.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, width, width);
  const cell = width / n, middle = 32767.5;
  const place = (x: number, y: number): [number, number] => [(x + 0.5) * cell, width - (y + 0.5) * cell];
  context.strokeStyle = look.edge;
  context.lineWidth = 1.6 * fine;
  context.beginPath();
  for (let y = 0; y + 1 < n; y++) for (let x = 0; x + 1 < n; x++) {
    const corners: [number, number, number][] = [[x, y, 0], [x + 1, y, 0], [x + 1, y + 1, 0], [x, y + 1, 0]];
    for (const corner of corners) corner[2] = cells[corner[1] * n + corner[0]] - middle;
    const crossed: [number, number][] = [];
    corners.forEach(([x0, y0, a], one) => {
      const [x1, y1, b] = corners[(one + 1) % 4];
      if (a > 0 !== b > 0) { const t = a / (a - b); crossed.push([x0 + t * (x1 - x0), y0 + t * (y1 - y0)]); }
    });
    for (let one = 0; one + 1 < crossed.length; one += 2) { context.moveTo(...place(...crossed[one])); context.lineTo(...place(...crossed[one + 1])); }
  }
  context.stroke();
}

/** What G makes of equally spaced lines of z. */
function lattice(context: CanvasRenderingContext2D, nodes: Int16Array, unit: number, at: (x: number, y: number) => [number, number], look: Look, fine: number): void {
  const count = nodes.length / 2, lines = Math.round(Math.sqrt(count)), square = lines * lines === count && count > 30;
  const node = (place: number) => at(nodes[2 * place] / unit, nodes[2 * place + 1] / unit);
  const along = (first: number, step: number, length: number) => {
    for (let place = 0; place < length; place++) context[place ? "lineTo" : "moveTo"](...node(first + place * step));
  };
  context.strokeStyle = look.lattice;
  context.lineWidth = (square ? 0.9 : 2) * fine;
  context.beginPath();
  if (!square) along(0, 1, count);
  else for (let line = 0; line < lines; line++) { along(line * lines, 1, lines); along(line, lines, lines); }
  context.stroke();
}

function arrows(context: CanvasRenderingContext2D, side: Side, unit: number, scale: number, point: (place: number) => [number, number], look: Look, fine: number): void {
  context.strokeStyle = look.arrow;
  context.lineWidth = 1.1 * fine;
  context.beginPath();
  for (let place = 0; place < side.arrows.length / 2; place++) {
    const dx = side.arrows[2 * place] / unit, dy = side.arrows[2 * place + 1] / unit, length = Math.hypot(dx, dy);
    const long = Math.min(ARROW * length, LONGEST) * scale;
    if (long < 1) continue;
    const [x, y] = point(place), [ux, uy] = [dx / length, -dy / length], [ex, ey] = [x + ux * long, y + uy * long], head = Math.min(5 * fine, 0.45 * long);
    context.moveTo(x, y); context.lineTo(ex, ey);
    context.moveTo(ex - head * (ux - 0.6 * uy), ey - head * (uy + 0.6 * ux)); context.lineTo(ex, ey);
    context.lineTo(ex - head * (ux + 0.6 * uy), ey - head * (uy - 0.6 * ux));
  }
  context.stroke();
}
