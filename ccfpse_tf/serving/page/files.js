// Layouts from files, examples, and back to files.

import { byId, clearMessage, download, element, showMessage, takeFiles } from "./dom.js";
import { hasZeroOutside, readLabels, readObjects, resize, UnknownColors, writeLabels, writeObjects } from "./maps.js";
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
    const png = resize(await decodePng(fromBase64(label)), model.width, model.height);
    const { labels } = readLabels(png, model);
    const values = instance && model.instances
      ? resize(await decodePng(fromBase64(instance)), model.width, model.height).values : null;
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

async function loadLayout(file, editor) {
  const { model } = editor;
  const take = (labels, notes) => {
    editor.replace({ labels, ...nothing(model) });
    const text = notes.filter(Boolean).join(" ");
    if (text) showMessage(`${file.name}: ${text}`, {}, { error: false, topic: "file" });
    else clearMessage("file");
  };
  try {
    const png = await readPng(file);
    const scaled = png.width !== model.width || png.height !== model.height;
    const note = scaled && `${png.width} × ${png.height} was scaled to ${model.width} × ${model.height}.`;
    const small = resize(png, model.width, model.height);
    try {
      const { labels, note: shared } = readLabels(small, model);
      take(labels, [note, shared]);
    } catch (error) {
      if (!(error instanceof UnknownColors)) throw error;
      const nearest = () => take(error.nearest(), [note]);
      showMessage(`${file.name}: ${error.message}`, { "Use the nearest classes": nearest }, { topic: "file" });
    }
  } catch (error) {
    showMessage(`${file.name} can't be loaded: ${error.message}`, {}, { topic: "file" });
  }
}

async function loadObjects(file, editor) {
  const { model, layout } = editor;
  try {
    const png = resize(await readPng(file), model.width, model.height);
    if (png.kind === "color") throw new Error("an instance map is a grey PNG of 8 or 16 bits");
    const labels = layout.labels.slice();
    editor.replace({ labels, ...readObjects(png.values, labels, model) });
    clearMessage("file");
  } catch (error) {
    showMessage(`${file.name} can't be loaded: ${error.message}`, {}, { topic: "file" });
  }
}

/** Saves the label map as a PNG of the data set's ids. */
export async function saveLayout({ layout, model }) {
  download(await writeLabels(layout, model), `${model.name}-layout.png`);
}

/** Connects the buttons that load and save layouts and instance maps. */
export function connectFiles(editor) {
  const { model, layout } = editor;
  takeFiles({
    input: byId("layout-file"), button: byId("load"), drop: byId("layout"),
    take: (file) => loadLayout(file, editor),
  });
  takeFiles({
    input: byId("objects-file"), button: byId("load-objects"), drop: byId("objects"),
    take: (file) => loadObjects(file, editor),
  });
  byId("save-layout").addEventListener("click", () => saveLayout(editor));
  byId("save-objects").addEventListener("click", async () => {
    download(await writeObjects(layout, model), `${model.name}-objects.png`);
  });
  byId("blank").addEventListener("click", () => editor.replace(null));
  byId("blank").title = `A layout of nothing but ${model.blank.name}`;
}
