// The tools: what a pen that goes down, moves and comes up does to the layout.

import { History, Layout, MAX_OBJECTS } from "./layout.js";
import { box, flood, stroke } from "./shapes.js";

export const TOOLS = ["brush", "line", "rectangle", "fill", "eraser", "pick"];
export const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/**
 * The layout under the tools. Events: `change` after every change of pixels or
 * objects, `commit` when a step is complete, `select` when tool, size, class or
 * object were chosen.
 */
export class Editor extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.layout = new Layout(model.width, model.height, model.blank.index);
    this.history = new History(this.layout);
    this.tool = "brush";
    this.size = SIZES.findLast((size) => size <= Math.max(3, Math.min(model.width, model.height) / 16));
    this.index = model.classes[0].index;
    this.object = 0; // the selected object
    this.fresh = false; // whether the next stroke starts a new one
    this.pen = null; // where it is, while it is down
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }

  choose(changes) {
    Object.assign(this, changes);
    this.#tell("select");
  }

  /** Chooses a class; that leaves the selected object. */
  chooseClass(index) {
    const tool = this.tool === "eraser" || this.tool === "pick" ? "brush" : this.tool;
    this.choose({ index, tool, object: 0 });
  }

  /** Chooses an object with its class; 0 chooses none. */
  chooseObject(id) {
    const entry = this.layout.list.find((object) => object.id === id);
    this.choose({ object: entry ? id : 0, fresh: false, index: entry?.index ?? this.index });
  }

  /** Takes class and object from a pixel, and goes on with `tool`. */
  pick(position, tool) {
    const { x, y } = this.#cell(position);
    const at = y * this.layout.width + x;
    const { labels, objects } = this.layout;
    this.choose({ index: labels[at], object: objects[at], fresh: false, tool });
  }

  down(position) {
    if (this.pen) return;
    if (this.tool === "pick") {
      this.pick(position, "brush");
      return;
    }
    const { x, y } = this.#cell(position);
    this.history.begin();
    if (this.fresh && this.tool !== "eraser") this.#startObject();
    this.pen = { start: position, last: position };
    if (this.tool === "fill") {
      this.#fill(x, y);
      this.up();
    } else this.#draw(position);
  }

  move(position) {
    if (!this.pen) return;
    this.#draw(position);
    this.pen.last = position;
  }

  up() {
    if (!this.pen) return;
    this.pen = null;
    this.#prune();
    if (this.history.commit()) this.#tell("commit");
    this.#tell("change");
  }

  /** Puts back what was there before the pen went down. */
  cancel() {
    if (!this.pen) return;
    this.pen = null;
    this.history.cancel();
    if (!this.layout.list.some(({ id }) => id === this.object)) this.choose({ object: 0 });
    this.#tell("change");
  }

  /** Runs a change of the whole layout as one step. */
  step(change) {
    this.cancel();
    this.history.begin();
    change(this.layout);
    this.#finish(this.history.commit());
  }

  undo() {
    if (this.pen) this.cancel();
    else this.#finish(this.history.undo());
  }

  redo() {
    if (!this.pen) this.#finish(this.history.redo());
  }

  /** Replaces everything, as one step; without arguments by a blank layout. */
  replace(content) {
    this.step((layout) => {
      layout.restore(content ?? new Layout(layout.width, layout.height, this.model.blank.index));
    });
  }

  rename(id, name) {
    this.#edit(id, { name });
  }

  /** Whether an object's outline is drawn is a view, not a step to undo. */
  hide(id, hidden) {
    this.layout.list = this.layout.list.map((entry) => (entry.id === id ? { ...entry, hidden } : entry));
    this.#tell("change");
  }

  /** Erases an object's pixels. */
  remove(id) {
    this.step((layout) => {
      for (let at = 0; at < layout.objects.length; at++) {
        if (layout.objects[at] !== id) continue;
        layout.labels[at] = this.model.blank.index;
        layout.objects[at] = 0;
      }
      layout.list = layout.list.filter((entry) => entry.id !== id);
      layout.touchAll();
    });
  }

  #edit(id, changes) {
    this.step((layout) => {
      layout.list = layout.list.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry));
    });
  }

  #finish(changed) {
    if (!changed) return;
    if (!this.layout.list.some(({ id }) => id === this.object)) this.choose({ object: 0 });
    this.#tell("commit");
    this.#tell("change");
  }

  #cell({ x, y }) {
    const inside = (value, limit) => Math.min(limit - 1, Math.max(0, Math.floor(value)));
    return { x: inside(x, this.layout.width), y: inside(y, this.layout.height) };
  }

  #startObject() {
    const { layout } = this;
    const id = layout.list.reduce((most, entry) => Math.max(most, entry.id), 0) + 1;
    if (id > MAX_OBJECTS) throw new Error(`An object more than ${MAX_OBJECTS} can't be kept.`);
    layout.list = [...layout.list, { id, name: "", index: this.index, hidden: false }];
    this.choose({ object: id, fresh: false });
  }

  // An object that was painted over is gone; the selected one may be about to be painted.
  #prune() {
    const sizes = this.layout.sizes();
    const left = this.layout.list.filter(({ id }) => sizes.has(id) || id === this.object);
    if (left.length < this.layout.list.length) this.layout.list = left;
  }

  #span() {
    const erase = this.tool === "eraser";
    const index = erase ? this.model.blank.index : this.index;
    const object = erase ? 0 : this.object;
    return (y, x0, x1) => this.layout.span(y, x0, x1, index, object);
  }

  #fill(x, y) {
    const { labels, objects, width, height } = this.layout;
    const same = (a, b) => labels[a] === labels[b] && objects[a] === objects[b];
    // Runs are collected first: painting while looking would change what is the same.
    const runs = [];
    flood(x, y, width, height, same, (...run) => runs.push(run));
    runs.forEach((run) => this.#span()(...run));
  }

  #draw(position) {
    const { layout, pen } = this;
    const { width, height } = layout;
    if (this.tool === "brush" || this.tool === "eraser") {
      stroke(pen.last, position, this.size, width, height, this.#span());
    } else {
      if (pen.preview) this.history.rewind(pen.preview);
      const pending = layout.takeDirty();
      if (this.tool === "line") stroke(pen.start, position, this.size, width, height, this.#span());
      else box(pen.start, position, width, height, this.#span());
      pen.preview = layout.dirty && { ...layout.dirty };
      if (pending) layout.touch(pending.x0, pending.y0, pending.x1, pending.y1);
    }
    this.#tell("change");
  }
}
