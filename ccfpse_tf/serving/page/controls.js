// The toolbar, and the keys that do the same.

import { byId } from "./dom.js";
import { SIZES, TOOLS } from "./editor.js";
import { saveLayout } from "./files.js";
import { connectShortcuts } from "./shortcuts.js";

const KEYS = { brush: "b", line: "l", rectangle: "r", fill: "f", eraser: "e", pick: "i" };
const toolButtons = () => document.querySelectorAll("[data-tool]:is(button)");
const viewButtons = () => document.querySelectorAll("button[data-view]");

/** Event: `change` after `settings` changed. */
export class Controls extends EventTarget {
  constructor(editor, settings) {
    super();
    Object.assign(this, { editor, settings });
    this.#connect();
    editor.addEventListener("select", () => this.show());
    editor.addEventListener("commit", () => this.show());
  }

  set(changes) {
    Object.assign(this.settings, changes);
    this.show();
    this.dispatchEvent(new Event("change"));
  }

  #connect() {
    const { editor } = this;
    const on = (id, kind, act) => byId(id).addEventListener(kind, (event) => act(event.target));
    byId("size").max = SIZES.length - 1;
    for (const button of toolButtons()) {
      button.addEventListener("click", () => editor.choose({ tool: button.dataset.tool }));
    }
    for (const button of viewButtons()) {
      button.addEventListener("click", () => this.set({ view: button.dataset.view }));
    }
    on("size", "input", ({ value }) => editor.choose({ size: SIZES[value] }));
    on("opacity", "input", ({ value }) => this.set({ opacity: Number(value) }));
    on("auto", "change", ({ checked }) => this.set({ auto: checked }));
    on("single-keys", "change", ({ checked }) => this.set({ single: checked }));
    on("undo", "click", () => editor.undo());
    on("redo", "click", () => editor.redo());
    const { blank, dontCare } = editor.model;
    const kind = dontCare ? "the don't-care class" : "the first class";
    document.querySelector("button[data-tool=eraser]").title = `Erases to ${blank.name}, ${kind}`;
  }

  /** @param actions {draw, chooseClass(position)}, and {random, newObject} where there are such */
  connectKeys({ draw, random, newObject, chooseClass }) {
    const { editor } = this;
    const resize = (step) => {
      const size = SIZES[SIZES.indexOf(editor.size) + step];
      if (size) editor.choose({ size });
    };
    const keys = {
      "[": () => resize(-1), "]": () => resize(1), "/": () => byId("search").focus(),
      n: newObject, g: draw, s: random, "?": () => byId("help-dialog").showModal(),
      o: () => this.set({ view: this.settings.view === "side" ? "overlay" : "side" }),
      escape: () => (editor.pen ? editor.cancel() : editor.choose({ object: 0, fresh: false })),
    };
    for (const tool of TOOLS) keys[KEYS[tool]] = () => editor.choose({ tool });
    for (let digit = 1; digit <= 9; digit++) keys[digit] = () => chooseClass(digit - 1);
    connectShortcuts(keys, {
      z: () => editor.undo(), "shift+z": () => editor.redo(), y: () => editor.redo(),
      s: () => saveLayout(editor), enter: draw,
    }, this.settings);
  }

  show() {
    const { editor, settings } = this;
    const press = (button, on) => button.setAttribute("aria-pressed", String(on));
    for (const button of toolButtons()) press(button, button.dataset.tool === editor.tool);
    for (const button of viewButtons()) press(button, button.dataset.view === settings.view);
    document.body.dataset.view = settings.view;
    document.body.style.setProperty("--opacity", settings.opacity / 100);
    byId("opacity").value = settings.opacity;
    byId("opacity-text").value = `${settings.opacity} %`;
    byId("size").value = SIZES.indexOf(editor.size);
    byId("size").setAttribute("aria-valuetext", `${editor.size} pixels`);
    byId("size-text").value = `${editor.size} px`;
    byId("auto").checked = settings.auto;
    byId("single-keys").checked = settings.single;
    byId("undo").disabled = !editor.history.done.length;
    byId("redo").disabled = !editor.history.undone.length;
    byId("cursor").textContent = editor.tool === "eraser" ? `The eraser leaves ${editor.model.blank.name}.` : "";
  }
}
