// The style: a seed, one of the model's own styles, or the look of a reference photo.

import { byId, element, showMessage, takeFiles } from "./dom.js";
import { readStyle } from "./photo.js";
import { fromBase64, toBase64 } from "./server.js";

const MOST = 2 ** 31 - 1;

/** Event: `change`. */
export class Style extends EventTarget {
  constructor(model) {
    super();
    this.styled = model.styled;
    this.seed = 0;
    this.photo = null; // bytes of a JPEG file
    this.usesPhoto = false;
    this.code = null; // {name, z} of a style of the model's
    this.strip = new Map(model.styles.map((style) => [this.#button(style), style]));
    byId("styles").append(...this.strip.keys());
    byId("styles").hidden = !this.strip.size;
    byId("style").hidden = !model.styled;
    for (const id of ["seed", "seed-number"]) {
      byId(id).addEventListener("input", (event) => this.#type(event.target));
    }
    byId("seed-number").addEventListener("change", () => this.#show());
    byId("random").addEventListener("click", () => this.random());
    byId("photo-use").addEventListener("change", (event) => this.set({ usesPhoto: event.target.checked }));
    byId("photo-remove").addEventListener("click", () => {
      this.set({ photo: null, usesPhoto: false });
      byId("photo-choose").focus();
    });
    takeFiles({
      input: byId("photo-file"), button: byId("photo-choose"), drop: byId("style"),
      take: (file) => this.load(file),
    });
    this.#show();
  }

  /** Sets some of seed, code, photo and usesPhoto. */
  set(changes) {
    Object.assign(this, changes);
    // What was kept may be of a time when the model had styles.
    if (!this.styled) Object.assign(this, { code: null, usesPhoto: false });
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  random() {
    this.set({ seed: Math.floor(Math.random() * 1000), code: null, usesPhoto: false });
  }

  async load(file) {
    try {
      this.set({ photo: await readStyle(file), usesPhoto: true });
    } catch {
      showMessage(`${file.name}: this browser can't read it as a photo.`);
    }
  }

  copy() {
    return { seed: this.seed, code: this.code, usesPhoto: this.usesPhoto, photo: this.photo };
  }

  /** Whether a copy of then draws the same as now. */
  equals({ seed, code = null, usesPhoto, photo }) {
    if (usesPhoto !== this.usesPhoto) return false;
    if (usesPhoto) {
      return photo === this.photo
        || (photo.length === this.photo.length && photo.every((byte, at) => byte === this.photo[at]));
    }
    if (code || this.code) return JSON.stringify(code) === JSON.stringify(this.code);
    return seed === this.seed;
  }

  /** Adds the style to a request's row; returns the signature that takes it. */
  addTo(row) {
    if (this.usesPhoto) {
      row.style_bytes = { b64: toBase64(this.photo) };
      return "stylize_bytes";
    }
    if (this.code) {
      row.z = this.code.z;
      return "synthesize_bytes";
    }
    row.seed = this.seed;
    return "serving_default";
  }

  /** What can be kept as JSON, and given to `revive`. */
  freeze() {
    return { ...this.copy(), photo: this.photo && toBase64(this.photo) };
  }

  revive({ seed, code = null, usesPhoto, photo }) {
    this.set({ seed, code, usesPhoto, photo: photo && fromBase64(photo) });
  }

  #button({ name, image, z }) {
    const source = URL.createObjectURL(new Blob([image], { type: "image/png" }));
    const picture = element("img", { src: source, alt: "" });
    const button = element("button", { type: "button", aria: { pressed: "false" } }, picture, name);
    button.addEventListener("click", () => {
      const chosen = button.getAttribute("aria-pressed") === "true";
      this.set({ code: chosen ? null : { name, z }, usesPhoto: false });
    });
    return button;
  }

  #type(input) {
    const seed = Number(input.value);
    if (input.value === "" || !Number.isInteger(seed) || seed < 0 || seed > MOST) return;
    this.set({ seed, code: null, usesPhoto: false });
  }

  #show() {
    byId("seed").value = this.seed;
    // Not while it is typed: 1e3 is a number before it is finished.
    if (document.activeElement !== byId("seed-number") || Number(byId("seed-number").value) !== this.seed) {
      byId("seed-number").value = this.seed;
    }
    byId("photo-shown").hidden = !this.photo;
    byId("photo-use").checked = this.usesPhoto;
    byId("style").classList.toggle("not-by-seed", this.usesPhoto || Boolean(this.code));
    for (const [button, { name }] of this.strip) {
      button.setAttribute("aria-pressed", String(!this.usesPhoto && this.code?.name === name));
    }
    const picture = byId("photo-picture");
    if (this.shown === this.photo) return;
    this.shown = this.photo;
    if (picture.src) URL.revokeObjectURL(picture.src);
    if (this.photo) picture.src = URL.createObjectURL(new Blob([this.photo], { type: "image/jpeg" }));
    else picture.removeAttribute("src");
  }
}
