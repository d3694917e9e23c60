// Small helpers for elements.

export const byId = (id) => document.getElementById(id);

/** A new element with properties, ARIA and data attributes, and children. */
export function element(name, { aria = {}, data = {}, ...properties } = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  for (const [key, value] of Object.entries(aria)) made.setAttribute(`aria-${key}`, value);
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

/** Offers bytes to the user as a file. */
export function download(bytes, name) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Opens a file dialog of an `<input type=file>` by a button, and takes dropped files. */
export function takeFiles({ input, button, drop, take }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // the same file can be chosen again
    if (file) take(file);
  });
  if (!drop) return;
  const inside = (on) => drop.classList.toggle("dropping", on);
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    inside(true);
  });
  drop.addEventListener("dragleave", () => inside(false));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    inside(false);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

/** Shows one message with buttons, instead of any other. */
export function showMessage(text, actions = {}, { error = true, topic = "" } = {}) {
  const box = byId("message");
  box.hidden = false;
  box.dataset.topic = topic;
  box.classList.toggle("error", error);
  box.querySelector("p").textContent = text;
  const buttons = Object.entries(actions).map(([name, act]) => {
    const button = element("button", { type: "button", textContent: name });
    button.addEventListener("click", () => {
      box.hidden = true;
      act();
    });
    return button;
  });
  const close = element("button", { type: "button", textContent: "Dismiss" });
  close.addEventListener("click", () => (box.hidden = true));
  box.querySelector("div").replaceChildren(...buttons, close);
}

/** Takes the message away if it is about this topic. */
export function clearMessage(topic) {
  const box = byId("message");
  if (box.dataset.topic === topic) box.hidden = true;
}
