// The strip of earlier images. A click brings back image, layout and style.

import { byId, element } from "./dom.js";

const MOST = 40; // older ones go

/** Event: `restore` with the result that was chosen. */
export class Results extends EventTarget {
  constructor(store, model) {
    super();
    Object.assign(this, { store, model });
    this.list = byId("result-list");
    this.items = new Map(); // <li> -> result
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const item = button.closest("li");
      if (button.dataset.act === "forget") this.#forget(item);
      else this.dispatchEvent(new CustomEvent("restore", { detail: this.items.get(item) }));
    });
  }

  async load() {
    for (const result of await this.store.all()) this.#show(result);
    this.mark(null);
  }

  /** Adds {image, labels, objects, list, style}; arrays and plain values. */
  async add(result) {
    const item = this.#show(result);
    this.mark(result);
    while (this.items.size > MOST) this.#forget(this.list.lastElementChild);
    result.id = await this.store.add(result);
    if (!this.items.has(item)) this.store.remove(result.id);
  }

  /** Shows which result the picture is. */
  mark(result) {
    for (const [item, each] of this.items) {
      item.querySelector("button").setAttribute("aria-pressed", String(each === result));
    }
  }

  get latest() {
    return this.items.get(this.list.firstElementChild) ?? null;
  }

  #show(result) {
    const source = URL.createObjectURL(new Blob([result.image], { type: "image/png" }));
    const { usesPhoto, code, seed } = result.style;
    const time = new Date(result.time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const style = this.model.styled && (usesPhoto ? "photo" : code?.name ?? `seed ${seed}`);
    const which = style ? `the result of ${time}, ${style}` : `the result of ${time}`;
    const label = `Bring back ${which}`;
    const item = element("li", {},
      element("button", { type: "button", title: label, aria: { label, pressed: "false" }, data: { act: "restore" } },
        element("img", { src: source, alt: "" }), element("span", { textContent: style || time })),
      element("button", {
        type: "button", title: "Remove", textContent: "✕", data: { act: "forget" },
        aria: { label: `Remove ${which}` },
      }));
    this.items.set(item, result);
    this.list.prepend(item);
    byId("no-results").hidden = true;
    return item;
  }

  #forget(item) {
    const result = this.items.get(item);
    this.items.delete(item);
    URL.revokeObjectURL(item.querySelector("img").src);
    if (item.contains(document.activeElement)) {
      (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button").focus();
    }
    item.remove();
    byId("no-results").hidden = this.items.size > 0;
    this.store.remove(result.id ?? null);
  }
}
