// Keys, and the dialog that lists them.

import { byId, element } from "./dom.js";

const HELP = [
  ["B L R F E I", "brush, line, rectangle, fill, eraser, pick"],
  ["[ ]", "smaller, larger brush"],
  ["1 to 9", "the first classes of the list as shown"],
  ["/", "search classes; Enter takes the first"],
  ["N", "next stroke starts a new object"],
  ["Esc", "cancel the stroke; leave the object"],
  ["Ctrl+Z", "undo"],
  ["Ctrl+Shift+Z, Ctrl+Y", "redo"],
  ["G, Ctrl+Enter", "draw now"],
  ["S", "random style"],
  ["O", "side by side or overlay"],
  ["Ctrl+S", "save the layout"],
  ["Alt+click", "pick class and object"],
  ["Shift+drag", "straight line, square"],
  ["Arrows", "move the cursor on the layout; with Shift by 8"],
  ["Space, Enter", "paint while held; pen down and up"],
  ["?", "this list"],
];

/**
 * Listens to the page's keys.
 * @param {Object<string, ?() => void>} keys what single keys do; those without are not listed
 * @param {Object<string, () => void>} controls what keys do together with Ctrl or Cmd
 * @param {{single: boolean}} options whether single keys are listened to
 */
export function connectShortcuts(keys, controls, options) {
  const dialog = byId("help-dialog");
  const works = ([key]) => keys[key.toLowerCase()] ?? true;
  byId("shortcuts").append(...HELP.filter(works).map(([key, text]) =>
    element("div", {}, element("dt", { textContent: key }), element("dd", { textContent: text }))));
  byId("help").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.addEventListener("keydown", (event) => {
    if (dialog.open || event.defaultPrevented || event.altKey) return;
    const typing = event.target.matches("input:not([type=range], [type=checkbox])");
    const control = event.ctrlKey || event.metaKey;
    const name = event.shiftKey && control ? `Shift+${event.key}` : event.key;
    const act = control ? controls[name.toLowerCase()] : !typing && options.single && keys[name.toLowerCase()];
    // A text field undoes its own typing.
    if (!act || (typing && name.toLowerCase().endsWith("z"))) return;
    event.preventDefault();
    act();
  });
}
