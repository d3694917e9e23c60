// Hands the layout on to the page of another model of this server.

import { pack, unpack } from "./store.js";

const KEY = "ccfpse:carried";

/** Keeps the layout, unless it is blank, for the page that is opened next in this tab. */
export function carryOut({ layout, model }) {
  if (layout.labels.every((index) => index === model.blank.index)) return;
  const names = model.classes.map(({ index, name }) => [index, name]);
  const { width, height, labels, objects, list } = layout;
  const carried = { from: model.key, names, width, height, list, labels: pack(labels), objects: pack(objects) };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(carried));
  } catch {
    // Without room or leave the other model shows its own layout.
  }
}

/**
 * The layout that was handed on, in this model's classes and size; null if there is none
 * or if a class of it is not among this model's, by name.
 */
export function carryIn(model) {
  try {
    const carried = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
    return carried && carried.from !== model.key ? converted(carried, model) : null;
  } catch {
    return null;
  }
}

function converted({ names, width, height, list, ...packed }, model) {
  const count = width * height;
  const labels = unpack(packed.labels, new Uint8Array(count));
  const objects = unpack(packed.objects, new Uint16Array(count));
  const own = new Map(model.classes.map(({ index, name }) => [name, index]));
  const table = new Map(names.map(([index, name]) => [index, own.get(name)]));
  const used = new Set([...labels, ...list.map(({ index }) => index)]);
  if ([...used].some((index) => table.get(index) === undefined)) return null;
  // The pixel under each pixel's middle, as for files of another size.
  const source = (at) => {
    const [x, y] = [at % model.width, Math.floor(at / model.width)];
    const row = Math.floor(((y + 0.5) * height) / model.height);
    return row * width + Math.floor(((x + 0.5) * width) / model.width);
  };
  const scaled = (Kind, value) => Kind.from({ length: model.width * model.height }, (_, at) => value(source(at)));
  return {
    labels: scaled(Uint8Array, (at) => table.get(labels[at])),
    objects: scaled(Uint16Array, (at) => (model.instances ? objects[at] : 0)),
    list: model.instances ? list.map((entry) => ({ ...entry, index: table.get(entry.index) })) : [],
  };
}
