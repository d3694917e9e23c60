// Hands the layout on to the page of another model of this server.

import { showMessage } from "./dom.js";
import { fitting, RESIZE } from "./fit.js";
import { few } from "./model.js";
import { pack, unpack } from "./store.js";

const KEY = "ccfpse:carried";

/** Keeps the layout, unless it is blank, for the page that is opened next in this tab. */
export function carryOut({ layout, model }) {
  if (layout.labels.every((index) => index === model.blank.index)) return;
  const names = model.classes.map(({ index, name }) => [index, name]);
  const { width, height, labels, objects, list } = layout;
  const { key: from, title } = model;
  const carried = { from, title, names, width, height, list, labels: pack(labels), objects: pack(objects) };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(carried));
  } catch {
    // Without room or leave the other model shows its own layout.
  }
}

/** Takes over the layout that was handed on, if this model has classes of its names. */
export function carryIn(editor) {
  let carried = null;
  try {
    carried = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
    if (carried && carried.from !== editor.model.key) take(unpacked(carried), editor);
  } catch {
    // What can't be read is not missed: this model shows its own layout.
  }
}

function unpacked(carried) {
  const count = carried.width * carried.height;
  const labels = unpack(carried.labels, new Uint8Array(count));
  return { ...carried, labels, objects: unpack(carried.objects, new Uint16Array(count)) };
}

function take(carried, editor, way = RESIZE) {
  const { model } = editor;
  const { names, list, labels, objects, title } = carried;
  const own = new Map(model.classes.map(({ index, name }) => [name, index]));
  const table = new Map(names.map(([index, name]) => [index, own.get(name)]));
  const used = new Set([...labels, ...list.map(({ index }) => index)]);
  const lacking = names.filter(([index]) => used.has(index) && table.get(index) === undefined);
  const say = (text, actions = {}) => showMessage(text, actions, { error: false, topic: "file" });
  if (lacking.length) {
    const classes = few(lacking.map(([, name]) => name));
    say(`The layout of ${title} stayed there, as this model has no ${classes}. This is its own.`);
    return;
  }
  const { apply, note, other } = fitting(carried, model, way);
  const fitted = model.instances ? apply(objects) : new Uint16Array(model.width * model.height);
  const seen = new Set(fitted);
  editor.replace({
    labels: apply(labels.map((index) => table.get(index))),
    objects: fitted,
    list: list.filter(({ id }) => seen.has(id)).map((entry) => ({ ...entry, index: table.get(entry.index) })),
  });
  const actions = other ? { [other]: () => take(carried, editor, other) } : {};
  if (note) say(`The layout of ${title}: ${note}`, actions);
}
