// Label and instance maps between PNG files and layouts.

import { MAX_OBJECTS } from "./layout.js";
import { few, hex } from "./model.js";
import { encodeGrey } from "./png.js";

const OUTSIDE = 1000; // objects are numbered from here where 0 is not the outside

/** A map whose values are no class's; `nearest()` gives the labels all the same. */
export class UnknownColors extends Error {
  constructor(text, nearest) {
    super(text);
    this.nearest = nearest;
  }
}

function count(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

const mapped = (values, table) => Uint8Array.from(values, (value) => table.get(value).index);

function byColor(values, model) {
  const unknown = [...count(values)].filter(([color]) => !model.colors.has(color));
  if (!unknown.length) {
    const shared = model.classes.filter(({ color, index }) =>
      model.colors.get(color).index !== index && values.includes(color));
    const note = shared.length
      ? `Other classes have the same colour: ${few(shared.map(({ name, color }) =>
        `${name} became ${model.colors.get(color).name}`))}.`
      : "";
    return { labels: mapped(values, model.colors), note };
  }
  unknown.sort((a, b) => b[1] - a[1]);
  const named = few(unknown.map(([color, pixels]) => `${hex(color)} (${pixels} px)`));
  const what = unknown.length === 1 ? "A colour is" : `${unknown.length} colours are`;
  throw new UnknownColors(`${what} no class's: ${named}.`, () => {
    const table = new Map([...count(values).keys()].map((color) => [color, nearest(color, model)]));
    return mapped(values, table);
  });
}

function nearest(color, model) {
  const parts = (value) => [value >> 16, (value >> 8) & 255, value & 255];
  const wanted = parts(color);
  let best = null;
  let least = Infinity;
  for (const kind of model.classes) {
    const distance = parts(kind.color).reduce((sum, part, k) => sum + (part - wanted[k]) ** 2, 0);
    if (distance < least) [best, least] = [kind, distance];
  }
  return best;
}

function byId(values, model) {
  const unknown = [...count(values).keys()].filter((value) => !model.byId.has(value));
  if (unknown.length) {
    const ids = model.classes.map(({ id }) => id).sort((a, b) => a - b);
    const allowed = ids.length > 12 ? `${ids[0]} to ${ids.at(-1)}` : ids.join(", ");
    throw new Error(`The model has no class with id ${few(unknown.sort((a, b) => a - b))}; its ids are ${allowed}.`);
  }
  return { labels: mapped(values, model.byId), note: "" };
}

/**
 * The classes of a decoded PNG: greys and palette indices are ids of the data set's
 * files; where those are no class's, the palette's colours count; colours are those
 * of the palette, or greys that hold ids.
 * @returns {{labels: Uint8Array, note: string}}
 * @throws {UnknownColors | Error} naming what is no class's
 */
export function readLabels(png, model) {
  if (png.kind === "color") {
    const grey = png.values.every((value) => value >> 8 === (value & 0xff) * 257);
    if (grey && !png.values.every((value) => model.colors.has(value))) {
      return byId(png.values.map((value) => value & 255), model);
    }
    return byColor(png.values, model);
  }
  try {
    return byId(png.values, model);
  } catch (error) {
    if (png.kind === "grey") throw error;
    return byColor(png.values.map((value) => png.palette[value] ?? 0), model);
  }
}

/** Whether 0 means "no object" in an instance map: then it stands on several classes. */
export function hasZeroOutside(values, labels) {
  const first = labels[values.indexOf(0)];
  return values.some((value, at) => value === 0 && labels[at] !== first);
}

/**
 * The objects of an instance map, numbered from 1. Without a 0 for "no object", as in
 * some data sets, a value that holds all of a class and nothing else is no object.
 * @returns {{objects: Uint16Array, list: object[]}}
 */
export function readObjects(values, labels, model) {
  const zero = model.zeroOutside || hasZeroOutside(values, labels);
  const pixels = count(labels);
  const votes = new Map(); // value -> class index -> pixels
  values.forEach((value, at) => {
    if (!votes.has(value)) votes.set(value, new Map());
    const classes = votes.get(value);
    classes.set(labels[at], (classes.get(labels[at]) ?? 0) + 1);
  });
  const list = [];
  const numbers = new Map();
  for (const [value, classes] of [...votes].sort((a, b) => a[0] - b[0])) {
    const [[index, most]] = [...classes].sort((a, b) => b[1] - a[1]);
    const whole = classes.size === 1 && most === pixels.get(index);
    const outside = zero ? value === 0 : whole;
    if (!outside) list.push({ id: list.length + 1, name: "", index, hidden: false });
    numbers.set(value, outside ? 0 : list.length);
  }
  if (list.length > MAX_OBJECTS) throw new Error(`${list.length} objects; at most ${MAX_OBJECTS} are kept.`);
  return { objects: Uint16Array.from(values, (value) => numbers.get(value)), list };
}

/** The label map as an 8-bit grey PNG of the data set's ids. */
export function writeLabels({ labels }, model) {
  const ids = new Uint8Array(256);
  for (const { index, id } of model.classes) ids[index] = id;
  return encodeGrey(labels.map((index) => ids[index]), model.width, model.height, 8);
}

/**
 * The instance map as a PNG of 8 or 16 bits; null where the layout has no object.
 * Outside of objects stands 0 where the model's examples have that, else the class:
 * the network sees only where the values change.
 */
export async function writeObjects({ labels, objects }, model) {
  if (!objects.some(Boolean)) return null;
  const values = Uint16Array.from(objects, (object, at) => {
    if (model.zeroOutside) return object;
    return object ? OUTSIDE + object : model.byIndex.get(labels[at]).id;
  });
  const depth = values.some((value) => value > 255) ? 16 : 8;
  return encodeGrey(values, model.width, model.height, depth);
}
