// The list of objects, for models that know instances.

import { byId, element } from "./dom.js";

const SHOWN = 200; // of a layout's objects, the newest

const NONE = "Every region of one class counts as one object. Draw touching things as objects of their own.";

/** An object's own name, else its class and number. */
export function objectName({ id, name, index }, model) {
  return name || `${model.byIndex.get(index).name} ${id}`;
}

/** Fills the list and keeps it in step with the editor. */
export class ObjectList {
  constructor(editor) {
    this.editor = editor;
    this.list = byId("object-list");
    this.sizes = null;
    this.endRename = null; // while a name is being typed
    byId("objects").hidden = !editor.model.instances;
    byId("object-new").addEventListener("click", () => this.toggleNew());
    editor.addEventListener("commit", () => this.#show());
    editor.addEventListener("select", () => this.#show());
    this.list.addEventListener("click", (event) => this.#click(event));
    // A name's field that lost the focus now would renew the list under the pointer.
    this.list.addEventListener("mousedown", (event) => {
      if (this.endRename && !event.target.matches("input")) event.preventDefault();
    });
    this.list.addEventListener("dblclick", (event) => {
      const name = event.target.closest("[data-act=select]");
      if (name) this.#rename(Number(name.closest("li").dataset.id));
    });
    this.#show();
  }

  /** The next stroke starts an object, or no longer does. */
  toggleNew() {
    if (!this.editor.model.instances) return;
    const tool = ["eraser", "pick"].includes(this.editor.tool) ? "brush" : this.editor.tool;
    this.editor.choose({ object: 0, fresh: !this.editor.fresh, tool });
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { editor } = this;
    const id = Number(button.closest("li").dataset.id);
    const { act } = button.dataset;
    this.endRename?.(true);
    const entry = editor.layout.list.find((object) => object.id === id);
    if (act === "select" && event.detail < 2) editor.chooseObject(editor.object === id ? 0 : id);
    else if (act === "rename") {
      this.#rename(id);
      return; // its field has the focus
    } else if (act === "hide") {
      editor.hide(id, !entry.hidden);
      this.#show();
    } else if (act === "delete") editor.remove(id);
    this.list.querySelector(`[data-id="${id}"] [data-act="${act}"]`)?.focus();
  }

  #rename(id) {
    const entry = this.editor.layout.list.find((object) => object.id === id);
    const old = objectName(entry, this.editor.model);
    const input = element("input", { value: old, maxLength: 60, aria: { label: "Name" } });
    this.endRename = (take) => {
      this.endRename = null;
      const name = input.value.trim();
      if (take && name !== old) this.editor.rename(id, name);
      this.#show();
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // or Enter would press the button that gets the focus
      this.endRename?.(event.key === "Enter");
      this.list.querySelector(`[data-id="${id}"] [data-act=rename]`).focus();
    });
    input.addEventListener("blur", () => this.endRename?.(true));
    this.list.querySelector(`[data-id="${id}"] [data-act=select]`).replaceWith(input);
    input.select();
  }

  #item(entry) {
    const { editor } = this;
    const name = objectName(entry, editor.model);
    const swatch = element("i");
    swatch.style.background = editor.model.cssColor(entry.index);
    const button = (act, text, label, pressed) => {
      const aria = { label, ...(pressed === undefined ? {} : { pressed: String(pressed) }) };
      return element("button", { type: "button", title: label, data: { act }, aria }, ...[text].flat());
    };
    const pixels = element("small", { textContent: `${this.sizes.get(entry.id) ?? 0} px` });
    return element("li", { data: { id: entry.id } },
      button("select", [swatch, element("span", { textContent: name }), pixels], `Paint on ${name}`, editor.object === entry.id),
      button("hide", entry.hidden ? "○" : "◉", `Outline of ${name}`, !entry.hidden),
      button("rename", "✎", `Rename ${name}`),
      button("delete", "✕", `Delete ${name}`));
  }

  #show() {
    const { editor } = this;
    if (!editor.model.instances) return;
    const { list } = editor.layout;
    byId("object-new").setAttribute("aria-pressed", String(editor.fresh));
    this.sizes = list.length ? editor.layout.sizes() : new Map();
    this.list.replaceChildren(...list.slice(-SHOWN).reverse().map((entry) => this.#item(entry)));
    const selected = list.find(({ id }) => id === editor.object);
    const kind = editor.model.byIndex.get(editor.index).name;
    byId("objects-hint").textContent = editor.fresh
      ? `The next stroke starts a new object of the class ${kind}.`
      : selected ? `Painting continues ${objectName(selected, editor.model)}; Esc ends it.`
        : list.length ? "" : NONE;
    byId("save-objects").disabled = !list.length;
  }
}
