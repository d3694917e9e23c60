// The style: a seed, or the look of a reference photo.

import { byId, showMessage, takeFiles } from "./dom.js";
import { readStyle } from "./photo.js";
import { fromBase64, toBase64 } from "./server.js";

const MOST = 2 ** 31 - 1;

/** Event: `change`. */
export class Style extends EventTarget {
  constructor(model) {
    super();
    this.seed = 0;
    this.photo = null; // bytes of a JPEG file
    this.usesPhoto = false;
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

  /** Sets some of seed, photo and usesPhoto. */
  set(changes) {
    Object.assign(this, changes);
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  random() {
    this.set({ seed: Math.floor(Math.random() * 1000), usesPhoto: false });
  }

  async load(file) {
    try {
      this.set({ photo: await readStyle(file), usesPhoto: true });
    } catch {
      showMessage(`${file.name}: this browser can't read it as a photo.`);
    }
  }

  copy() {
    return { seed: this.seed, usesPhoto: this.usesPhoto, photo: this.photo };
  }

  /** Whether a copy of then draws the same as now. */
  equals({ seed, usesPhoto, photo }) {
    if (usesPhoto !== this.usesPhoto) return false;
    return usesPhoto ? photo.length === this.photo.length && photo.every((byte, at) => byte === this.photo[at])
      : seed === this.seed;
  }

  /** What can be kept as JSON, and given to `revive`. */
  freeze() {
    return { seed: this.seed, usesPhoto: this.usesPhoto, photo: this.photo && toBase64(this.photo) };
  }

  revive({ seed, usesPhoto, photo }) {
    this.set({ seed, usesPhoto, photo: photo && fromBase64(photo) });
  }

  #type(input) {
    const seed = Number(input.value);
    if (input.value === "" || !Number.isInteger(seed) || seed < 0 || seed > MOST) return;
    this.set({ seed, usesPhoto: false });
  }

  #show() {
    byId("seed").value = this.seed;
    // Not while it is typed: 1e3 is a number before it is finished.
    if (document.activeElement !== byId("seed-number") || Number(byId("seed-number").value) !== this.seed) {
      byId("seed-number").value = this.seed;
    }
    byId("photo-shown").hidden = !this.photo;
    byId("photo-use").checked = this.usesPhoto;
    byId("style").classList.toggle("by-photo", this.usesPhoto);
    const picture = byId("photo-picture");
    if (this.shown === this.photo) return;
    this.shown = this.photo;
    if (picture.src) URL.revokeObjectURL(picture.src);
    if (this.photo) picture.src = URL.createObjectURL(new Blob([this.photo], { type: "image/jpeg" }));
    else picture.removeAttribute("src");
  }
}
