// What is painted, and how the page is set, over a reload.

import { showMessage } from "./dom.js";
import { keep, pack, recall, unpack } from "./store.js";

const DELAY = 300; // ms after a change

/** Keeps an editor, a style and settings under the model's key. */
export class Work {
  constructor(editor, style, settings) {
    Object.assign(this, { editor, style, settings });
    this.roomy = true;
    this.timer = null;
    addEventListener("pagehide", () => this.keep());
    document.addEventListener("visibilitychange", () => document.hidden && this.keep());
  }

  keepSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), DELAY);
  }

  keep() {
    clearTimeout(this.timer);
    const { editor, style, settings } = this;
    const { labels, objects, list } = editor.layout;
    const { index, size, tool } = editor;
    const kept = keep(editor.model.key, {
      labels: pack(labels), objects: pack(objects), list,
      style: style.freeze(), editor: { index, size, tool }, settings,
    });
    if (!kept && this.roomy) {
      showMessage("This browser keeps nothing over a reload; save the layout before you leave.");
    }
    this.roomy = kept;
  }

  /** Puts the kept work back. Returns whether there was any. */
  revive() {
    const { editor } = this;
    const { model } = editor;
    const work = recall(model.key);
    if (!work) return false;
    try {
      const count = model.width * model.height;
      const labels = unpack(work.labels, new Uint8Array(count));
      const objects = unpack(work.objects, new Uint16Array(count));
      if (!labels.every((index) => model.byIndex.has(index))) throw new Error("it holds unknown classes");
      editor.layout.restore({ labels, objects, list: work.list });
      this.style.revive(work.style);
      Object.assign(this.settings, work.settings);
      editor.choose(work.editor);
      return true;
    } catch (error) {
      showMessage(`The work of last time can't be read: ${error.message}.`);
      return false;
    }
  }
}
