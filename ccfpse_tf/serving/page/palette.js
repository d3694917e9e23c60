// The classes: names, colours, search, arrow keys.

import { byId, element } from "./dom.js";

/** Fills the list of classes and keeps it in step with the editor. */
export class Palette {
  constructor(editor) {
    this.editor = editor;
    this.list = byId("classes");
    this.search = byId("search");
    this.options = editor.model.classes.map((kind) => this.#option(kind));
    this.list.append(...this.options);
    this.search.addEventListener("input", () => this.#filter());
    this.search.addEventListener("keydown", (event) => this.#fromSearch(event));
    this.list.addEventListener("keydown", (event) => this.#move(event));
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) editor.chooseClass(Number(option.dataset.index));
    });
    editor.addEventListener("select", () => this.#show());
    this.#filter();
    this.#show();
  }

  get visible() {
    return this.options.filter((option) => !option.hidden);
  }

  /** Chooses the n-th class of those shown, from 0. */
  chooseShown(position) {
    const option = this.visible[position];
    if (option) this.editor.chooseClass(Number(option.dataset.index));
  }

  #option({ index, name }) {
    const swatch = element("i");
    swatch.style.background = this.editor.model.cssColor(index);
    const properties = { data: { index }, aria: { selected: "false" }, tabIndex: -1, title: name };
    const option = element("div", properties, swatch, element("span", { textContent: name }));
    option.setAttribute("role", "option");
    return option;
  }

  #filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of this.options) {
      const name = option.textContent.toLowerCase();
      option.hidden = !words.every((word) => name.includes(word));
    }
    this.list.classList.toggle("none", !this.visible.length);
    this.#reach();
  }

  // Exactly one class takes part in the order of the Tab key.
  #reach() {
    const { visible } = this;
    const first = visible.find((option) => option.getAttribute("aria-selected") === "true") ?? visible[0];
    for (const option of this.options) option.tabIndex = option === first ? 0 : -1;
  }

  #fromSearch(event) {
    const [first] = this.visible;
    if (event.key === "Escape") {
      this.search.value = "";
      this.#filter();
    } else if (event.key === "Enter" && first) {
      this.chooseShown(0);
    } else if (event.key === "ArrowDown" && first) {
      first.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #move(event) {
    const { visible } = this;
    const at = visible.indexOf(document.activeElement);
    if (at < 0) return;
    const last = visible.length - 1;
    const next = {
      ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: last,
    }[event.key];
    if (next !== undefined) visible[Math.min(last, Math.max(0, next))].focus();
    else if (event.key === "Enter" || event.key === " ") this.chooseShown(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #show() {
    const { editor } = this;
    for (const option of this.options) {
      const selected = Number(option.dataset.index) === editor.index;
      if (selected && option.getAttribute("aria-selected") === "false" && !option.matches(":focus")) {
        const [outer, inner] = [this.list.getBoundingClientRect(), option.getBoundingClientRect()];
        if (inner.top < outer.top || inner.bottom > outer.bottom) {
          this.list.scrollTop += inner.top - outer.top - outer.height / 2;
        }
      }
      option.setAttribute("aria-selected", String(selected));
    }
    this.#reach();
    const swatch = element("i");
    swatch.style.background = editor.model.cssColor(editor.index);
    byId("chosen").replaceChildren(swatch, editor.model.byIndex.get(editor.index).name);
  }
}
