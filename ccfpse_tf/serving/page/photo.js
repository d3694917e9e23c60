// A layout and a style from a photo, where the server has a network for that.

import { byId, showMessage, takeFiles } from "./dom.js";
import { fitting } from "./fit.js";
import { readLabels } from "./maps.js";
import { decodePng } from "./png.js";

const SIDE = 2048; // px; the network looks at no more
const STYLE_SIDE = 512; // px; nor the encoder
const TYPE = "image/jpeg";
const DONE = "a network made this layout, and it makes mistakes: it is a first draft for you to correct. "
  + "Of a photo of another shape, only the middle is used. Undo brings your own layout back.";

/**
 * A photo file as JPEG. Drawn anew, a photo is upright, small and rid of what the
 * camera wrote beside it.
 * @returns {Promise<Uint8Array>}
 */
async function readPhoto(file, side) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, TYPE, 0.95));
  return new Uint8Array(await blob.arrayBuffer());
}

/** A photo as the encoder of styles takes it. */
export const readStyle = (file) => readPhoto(file, STYLE_SIDE);

/** Connects the button that makes layout and style of a photo. */
export function connectPhoto(server, editor, style) {
  if (!server.labelsPhotos) return;
  const button = byId("from-photo");
  button.hidden = false;
  if (!editor.model.styled) button.title = button.title.replace(" and a style", "");
  const take = async (file) => {
    button.disabled = true;
    try {
      await layoutFrom(file, server, editor, style);
      showMessage(`${file.name}: ${DONE}`, {}, { error: false, topic: "photo" });
    } catch (error) {
      const text = [`${file.name}: no layout.`, error.message, error.detail].filter(Boolean).join(" ");
      showMessage(text, error.retry ? { "Try again": () => take(file) } : {}, { topic: "photo" });
    } finally {
      button.disabled = false;
    }
  };
  takeFiles({ input: byId("from-photo-file"), button, take });
}

async function layoutFrom(file, server, editor, style) {
  const { model } = editor;
  const [photo, look] = await Promise.all([readPhoto(file, SIDE), readStyle(file)]).catch(() => {
    throw new Error("This browser can't read it as a photo.");
  });
  showMessage(`${file.name}: the server looks for the classes in it…`, {}, { error: false, topic: "photo" });
  const png = await decodePng(await server.label(photo, TYPE));
  const labels = fitting(png, model).apply(readLabels(png, model).labels);
  editor.replace({ labels, objects: new Uint16Array(labels.length), list: [] });
  if (model.styled) style.set({ photo: look, usesPhoto: true });
}
