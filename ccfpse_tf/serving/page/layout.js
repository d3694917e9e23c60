// A layout: for every pixel a class and the number of the object it belongs to.

export const MAX_OBJECTS = 60000; // their numbers travel in 16 bits

export class Layout {
  /** @param {number} width @param {number} height @param {number} index class of all pixels */
  constructor(width, height, index) {
    this.width = width;
    this.height = height;
    this.labels = new Uint8Array(width * height).fill(index);
    this.objects = new Uint16Array(width * height); // 0: belongs to no object
    this.list = []; // of {id, name, index, hidden}; replaced, never changed in place
    this.dirty = null; // {x0, y0, x1, y1} changed since it was last taken
  }

  touch(x0, y0, x1, y1) {
    const old = this.dirty;
    this.dirty = old
      ? { x0: Math.min(old.x0, x0), y0: Math.min(old.y0, y0), x1: Math.max(old.x1, x1), y1: Math.max(old.y1, y1) }
      : { x0, y0, x1, y1 };
  }

  touchAll() {
    this.touch(0, 0, this.width, this.height);
  }

  takeDirty() {
    const dirty = this.dirty;
    this.dirty = null;
    return dirty;
  }

  /** Gives a run of pixels a class and an object. */
  span(y, x0, x1, index, object) {
    this.labels.fill(index, y * this.width + x0, y * this.width + x1);
    this.objects.fill(object, y * this.width + x0, y * this.width + x1);
    this.touch(x0, y, x1, y + 1);
  }

  /** What can be kept and later be given to `restore`. */
  copy() {
    return { labels: this.labels.slice(), objects: this.objects.slice(), list: this.list };
  }

  /** Takes a whole layout over; arrays must have this layout's size. */
  restore({ labels, objects, list }) {
    this.labels.set(labels);
    this.objects.set(objects);
    this.list = list;
    this.touchAll();
  }

  /** Pixels of every object: {id: count}. */
  sizes() {
    const sizes = new Map();
    for (const object of this.objects) if (object) sizes.set(object, (sizes.get(object) ?? 0) + 1);
    return sizes;
  }

  equals({ labels, objects }) {
    return labels.every((value, at) => value === this.labels[at])
      && objects.every((value, at) => value === this.objects[at]);
  }
}

function crop(array, width, { x0, y0, x1, y1 }) {
  const part = new array.constructor((x1 - x0) * (y1 - y0));
  for (let y = y0; y < y1; y++) {
    part.set(array.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
  }
  return part;
}

function paste(array, width, { x0, y0, x1, y1 }, part) {
  for (let y = y0; y < y1; y++) {
    array.set(part.subarray((y - y0) * (x1 - x0), (y - y0 + 1) * (x1 - x0)), y * width + x0);
  }
}

function bounds(before, layout) {
  const { width, height } = layout;
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let at = 0; at < before.labels.length; at++) {
    if (before.labels[at] === layout.labels[at] && before.objects[at] === layout.objects[at]) continue;
    const x = at % width;
    const y = (at - x) / width;
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
  }
  return x1 > x0 ? { x0, y0, x1, y1 } : null;
}

const BYTES = 64 << 20; // of old pixels; the oldest steps go first

/** Undo and redo. Steps keep only the rectangle that changed. */
export class History {
  constructor(layout) {
    this.layout = layout;
    this.undone = [];
    this.done = [];
    this.before = null;
  }

  /** Starts a step: what follows until `commit` is undone together. */
  begin() {
    this.before = this.layout.copy();
  }

  /** Puts back the pixels from before the step, for previews. */
  rewind(rect) {
    const { width } = this.layout;
    for (const name of ["labels", "objects"]) {
      paste(this.layout[name], width, rect, crop(this.before[name], width, rect));
    }
    this.layout.touch(rect.x0, rect.y0, rect.x1, rect.y1);
  }

  cancel() {
    this.layout.restore(this.before);
    this.before = null;
  }

  /** Ends the step. Returns whether it changed anything. */
  commit() {
    const { before, layout } = this;
    this.before = null;
    const rect = bounds(before, layout);
    if (!rect && before.list === layout.list) return false;
    const step = { rect, list: before.list, labels: [], objects: [] };
    if (rect) for (const name of ["labels", "objects"]) step[name] = crop(before[name], layout.width, rect);
    this.done.push(step);
    this.undone = [];
    let bytes = this.done.reduce((sum, { labels }) => sum + 3 * labels.length, 0);
    while (bytes > BYTES && this.done.length > 1) bytes -= 3 * this.done.shift().labels.length;
    return true;
  }

  undo() {
    return this.#swap(this.done, this.undone);
  }

  redo() {
    return this.#swap(this.undone, this.done);
  }

  #swap(from, to) {
    const step = from.pop();
    if (!step) return false;
    const { layout } = this;
    const { rect } = step;
    const back = { rect, list: layout.list, labels: [], objects: [] };
    if (rect) {
      for (const name of ["labels", "objects"]) {
        back[name] = crop(layout[name], layout.width, rect);
        paste(layout[name], layout.width, rect, step[name]);
      }
      layout.touch(rect.x0, rect.y0, rect.x1, rect.y1);
    }
    layout.list = step.list;
    to.push(back);
    return true;
  }
}
