// The layout on the screen: its pixels, scaled up, and over them outlines and brush.

import { snap } from "./shapes.js";

/** Draws an editor's layout on two canvases; only what changed, once a frame. */
export class View {
  /**
   * @param editor what to draw
   * @param {HTMLCanvasElement} canvas gets one pixel for each of the layout's
   * @param {HTMLCanvasElement} marks lies over it, in the screen's pixels
   */
  constructor(editor, canvas, marks) {
    this.editor = editor;
    this.canvas = canvas;
    this.marks = marks;
    this.cursor = null; // {x, y, keyboard} in pixels of the layout
    const { width, height } = editor.layout;
    canvas.width = width;
    canvas.height = height;
    this.context = canvas.getContext("2d");
    this.image = this.context.createImageData(width, height);
    this.target = new Uint32Array(this.image.data.buffer);
    this.pixels = editor.model.pixels();
    this.waiting = false;
    editor.layout.touchAll();
    for (const kind of ["change", "select"]) editor.addEventListener(kind, () => this.request());
    new ResizeObserver(() => this.request()).observe(marks);
    this.request();
  }

  point(cursor) {
    this.cursor = cursor;
    this.request();
  }

  request() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#drawPixels();
      this.#drawMarks();
    });
  }

  #drawPixels() {
    const { layout } = this.editor;
    const rect = layout.takeDirty();
    if (!rect) return;
    const { x0, y0, x1, y1 } = rect;
    for (let y = y0; y < y1; y++) {
      for (let at = y * layout.width + x0; at < y * layout.width + x1; at++) {
        this.target[at] = this.pixels[layout.labels[at]];
      }
    }
    this.context.putImageData(this.image, 0, 0, x0, y0, x1 - x0, y1 - y0);
  }

  #drawMarks() {
    const { marks, editor } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(marks.clientWidth * ratio), Math.round(marks.clientHeight * ratio)];
    if (!width || !height) return;
    if (marks.width !== width || marks.height !== height) Object.assign(marks, { width, height });
    const context = marks.getContext("2d");
    context.clearRect(0, 0, width, height);
    const scale = width / editor.layout.width;
    if (editor.layout.list.length) {
      const { others, selected } = this.#outlines(scale);
      doubled(context, others, "#0009", "#fff", ratio);
      doubled(context, selected, "#000", "#ffd400", 1.75 * ratio);
    }
    if (this.cursor) this.#drawCursor(context, scale, ratio);
  }

  // Edges between pixels of different objects, as paths of single sides.
  #outlines(scale) {
    const { layout, object } = this.editor;
    const { width, height, objects } = layout;
    const shown = new Set(layout.list.filter((entry) => !entry.hidden).map((entry) => entry.id));
    const [others, selected] = [new Path2D(), new Path2D()];
    const side = (a, b, x0, y0, x1, y1) => {
      if (a === b || !(shown.has(a) || shown.has(b))) return;
      const path = object && (a === object || b === object) ? selected : others;
      path.moveTo(x0 * scale, y0 * scale);
      path.lineTo(x1 * scale, y1 * scale);
    };
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const here = objects[y * width + x];
        if (x + 1 < width) side(here, objects[y * width + x + 1], x + 1, y, x + 1, y + 1);
        if (y + 1 < height) side(here, objects[(y + 1) * width + x], x, y + 1, x + 1, y + 1);
      }
    }
    return { others, selected };
  }

  #drawCursor(context, scale, ratio) {
    const { tool, size } = this.editor;
    const { x, y, keyboard } = this.cursor;
    const path = new Path2D();
    if (tool === "brush" || tool === "eraser" || tool === "line") {
      path.arc(snap(x, size) * scale, snap(y, size) * scale, Math.max((size / 2) * scale, 2), 0, 2 * Math.PI);
    }
    if (keyboard || tool === "fill" || tool === "pick" || tool === "rectangle") {
      const [px, py, arm] = [(Math.floor(x) + 0.5) * scale, (Math.floor(y) + 0.5) * scale, 9 * ratio];
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        path.moveTo(px + dx * 3 * ratio, py + dy * 3 * ratio);
        path.lineTo(px + dx * arm, py + dy * arm);
      }
    }
    doubled(context, path, "#000b", "#fff", ratio);
  }
}

// A light line on a dark one shows on every colour.
function doubled(context, path, dark, light, width) {
  context.lineWidth = 2.5 * width;
  context.strokeStyle = dark;
  context.stroke(path);
  context.lineWidth = width;
  context.strokeStyle = light;
  context.stroke(path);
}

/** Draws class indices on a new canvas of their size, for thumbnails. */
export function thumbnail(labels, model) {
  const canvas = document.createElement("canvas");
  canvas.width = model.width;
  canvas.height = model.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(model.width, model.height);
  const pixels = model.pixels();
  new Uint32Array(image.data.buffer).set(Uint32Array.from(labels, (index) => pixels[index]));
  context.putImageData(image, 0, 0);
  return canvas;
}
