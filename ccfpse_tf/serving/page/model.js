// What the server's model says about itself (its signature `describe`), checked.

import { fromBase64 } from "./server.js";

const hex = (color) => `#${color.toString(16).padStart(6, "0")}`;

function require(condition, text) {
  if (!condition) throw new Error(`the model's description: ${text}`);
}

/** Classes, sizes and examples of a model. */
export class Model {
  /**
   * @param {string} text the description
   * @param {string} served the name that the server has for it
   */
  constructor(text, served) {
    let facts;
    try {
      facts = JSON.parse(text);
    } catch {
      require(false, "it is not JSON");
    }
    require(facts.format === 1, `format ${facts.format}; this page reads format 1`);
    require(Array.isArray(facts.classes) && facts.classes.length, "it has no classes");
    require(facts.image_size?.every((side) => Number.isInteger(side) && side > 0), "it has no image_size");
    [this.height, this.width] = facts.image_size;
    this.served = served;
    this.name = facts.name;
    this.title = facts.title || facts.name;
    this.step = facts.step;
    this.takesInstances = Boolean(facts.instances);
    // Whether they change the picture: some methods take the maps of a data set and read none.
    this.instances = this.takesInstances && facts.uses_instances !== false;
    this.styled = Boolean(facts.z_dim);
    this.examples = facts.examples ?? [];
    this.styles = (facts.styles ?? []).map(({ name, z, image }) => {
      const fits = Array.isArray(z) && z.length === facts.z_dim && z.every(Number.isFinite);
      require(fits, `style ${name} is not of ${facts.z_dim} numbers`);
      return { name: String(name), z, image: fromBase64(image) };
    });
    this.classes = facts.classes.map(({ index, file_id: id, name, color }) => {
      require(/^#[0-9a-f]{6}$/i.test(color), `class ${name} has the colour ${color}`);
      require(Number.isInteger(index) && index >= 0 && index < 256, `class ${name} has the index ${index}`);
      require(Number.isInteger(id) && id >= 0 && id < 256, `class ${name} has the file id ${id}`);
      return { index, id, name: String(name), color: parseInt(color.slice(1), 16) };
    });
    this.byIndex = new Map(this.classes.map((kind) => [kind.index, kind]));
    this.byId = new Map(this.classes.map((kind) => [kind.id, kind]));
    this.dontCare = this.byIndex.get(facts.dont_care_index) ?? null;
    this.blank = this.dontCare ?? this.classes[0]; // what the eraser leaves
    this.colors = new Map();
    for (const kind of this.classes) if (!this.colors.has(kind.color)) this.colors.set(kind.color, kind);
    /** Whether 0 in instance maps means "no object"; the examples show it. */
    this.zeroOutside = false;
  }

  /** Work on another model, or on one with other classes, is kept apart by this. */
  get key() {
    const classes = this.classes.map(({ id, name }) => `${id}${name}`).join();
    let hash = 0;
    for (const letter of classes) hash = (hash * 31 + letter.codePointAt(0)) | 0;
    return `ccfpse:${this.served}:${this.name}:${this.height}x${this.width}:${hash >>> 0}`;
  }

  cssColor(index) {
    return hex(this.byIndex.get(index).color);
  }

  /** 256 pixels of a canvas (little-endian ABGR), one for each class index. */
  pixels() {
    const pixels = new Uint32Array(256);
    for (const { index, color } of this.classes) {
      pixels[index] = (0xff000000 | ((color & 255) << 16) | (color & 0xff00) | (color >> 16)) >>> 0;
    }
    return pixels;
  }
}

/** Names at most five of many, for messages. */
export function few(items) {
  const more = items.length > 5 ? ` and ${items.length - 5} more` : "";
  return items.slice(0, 5).join(", ") + more;
}

export { hex };
