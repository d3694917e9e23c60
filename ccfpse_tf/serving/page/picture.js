// The generated image, beside the layout or under it.

import { byId } from "./dom.js";

export class Picture {
  constructor(model) {
    this.name = `Image of ${model.title}`;
    this.bytes = null;
    this.address = null;
  }

  /** Says what the image waits for; the old one stays, marked as such. */
  wait(text) {
    this.tell(text);
    document.body.classList.add("waiting");
  }

  tell(text) {
    byId("status").textContent = text;
  }

  /** Shows a PNG or JPEG file. */
  show(bytes) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.bytes = bytes;
    this.address = URL.createObjectURL(new Blob([bytes]));
    document.body.classList.remove("waiting");
    byId("picture").src = this.address;
    byId("picture").alt = this.name;
    byId("picture").hidden = false;
    byId("under").src = this.address;
    byId("empty").hidden = true;
    byId("save-image").disabled = false;
  }
}
