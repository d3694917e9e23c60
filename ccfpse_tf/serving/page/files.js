// Layouts from files, examples, and back to files.

import { byId, clearMessage, download, element, showMessage, takeFiles } from "./dom.js";
import { fitting, RESIZE } from "./fit.js";
import { hasZeroOutside, readLabels, readObjects, UnknownColors, writeLabels, writeObjects } from "./maps.js";
import { decodePng } from "./png.js";
import { fromBase64 } from "./server.js";
import { thumbnail } from "./view.js";

const MAX_BYTES = 64 << 20;

async function readPng(file) {
  if (file.size > MAX_BYTES) throw new Error("it is larger than 64 MB");
  return decodePng(new Uint8Array(await file.arrayBuffer()));
}

const nothing = (model) => ({ objects: new Uint16Array(model.width * model.height), list: [] });

/** Decodes the model's examples. Decides how its instance maps mark the outside. */
export async function readExamples(model) {
  const decoded = [];
  for (const { label_bytes: label, instance_bytes: instance } of model.examples) {
    const png = await decodePng(fromBase64(label));
    const labels = fitting(png, model).apply(readLabels(png, model).labels);
    const map = instance && model.instances ? await decodePng(fromBase64(instance)) : null;
    const values = map && fitting(map, model).apply(map.values);
    if (values && hasZeroOutside(values, labels)) model.zeroOutside = true;
    decoded.push({ labels, values });
  }
  return decoded.map(({ labels, values }) => ({
    labels, ...(values ? readObjects(values, labels, model) : nothing(model)),
  }));
}

/** Fills the list of examples. */
export function showExamples(examples, editor) {
  byId("examples").hidden = !examples.length;
  byId("example-list").append(...examples.map((example, at) => {
    const label = `Example layout ${at + 1}`;
    const button = element("button", { type: "button", title: label, aria: { label } }, thumbnail(example.labels, editor.model));
    button.addEventListener("click", () => editor.replace(example));
    return button;
  }));
}

/** Layouts and instance maps from files of any size. */
class Loader {
  constructor(editor) {
    this.editor = editor;
    this.last = null; // {width, height, way} of the last layout, for its instance map
  }

  /** Takes a file as "layout" or as "objects". */
  async load(file, kind) {
    try {
      this[kind](file.name, await readPng(file));
    } catch (error) {
      showMessage(`${file.name} can't be loaded: ${error.message}`, {}, { topic: "file" });
    }
  }

  layout(name, png) {
    const take = (labels, note) => this.#takeLabels(name, png, labels, note);
    try {
      // All of the file, so that no pixel of an unknown class is passed over.
      const { labels, note } = readLabels(png, this.editor.model);
      take(labels, note);
    } catch (error) {
      if (!(error instanceof UnknownColors)) throw error;
      const nearest = () => take(error.nearest(), "");
      showMessage(`${name}: ${error.message}`, { "Use the nearest classes": nearest }, { topic: "file" });
    }
  }

  objects(name, png) {
    if (png.kind === "color") throw new Error("an instance map is a grey PNG of 8 or 16 bits");
    const { last } = this;
    const belongs = last && last.width === png.width && last.height === png.height;
    this.#takeObjects(name, png, belongs ? last.way : RESIZE);
  }

  #takeLabels(name, size, labels, shared, way = RESIZE) {
    const { model } = this.editor;
    const { apply, note, other } = fitting(size, model, way);
    this.last = { width: size.width, height: size.height, way };
    this.editor.replace({ labels: apply(labels), ...nothing(model) });
    tell(name, [note, shared], other, () => this.#takeLabels(name, size, labels, shared, other));
  }

  #takeObjects(name, png, way) {
    const { layout, model } = this.editor;
    const { apply, note, other } = fitting(png, model, way);
    const labels = layout.labels.slice();
    this.editor.replace({ labels, ...readObjects(apply(png.values), labels, model) });
    tell(name, [note], other, () => this.#takeObjects(name, png, other));
  }
}

/** Says how a file became a layout, and offers another way of fitting it, if there is one. */
function tell(name, notes, way, act) {
  const text = notes.filter(Boolean).join(" ");
  if (text) showMessage(`${name}: ${text}`, way ? { [way]: act } : {}, { error: false, topic: "file" });
  else clearMessage("file");
}

/** Saves the label map as a PNG of the data set's ids. */
export async function saveLayout({ layout, model }) {
  download(await writeLabels(layout, model), `${model.name}-layout.png`);
}

/** Connects the buttons that load and save layouts and instance maps. */
export function connectFiles(editor) {
  const { model, layout } = editor;
  const loader = new Loader(editor);
  takeFiles({
    input: byId("layout-file"), button: byId("load"), drop: byId("layout"),
    take: (file) => loader.load(file, "layout"),
  });
  takeFiles({
    input: byId("objects-file"), button: byId("load-objects"), drop: byId("objects"),
    take: (file) => loader.load(file, "objects"),
  });
  byId("save-layout").addEventListener("click", () => saveLayout(editor));
  byId("save-objects").addEventListener("click", async () => {
    download(await writeObjects(layout, model), `${model.name}-objects.png`);
  });
  byId("blank").addEventListener("click", () => editor.replace(null));
  byId("blank").title = `A layout of nothing but ${model.blank.name}`;
}
