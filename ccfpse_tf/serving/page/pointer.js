// Mouse, pen, touch and keyboard on the layout, turned into the editor's pen.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 8; // pixels that an arrow moves with Shift

function followPointer(stage, editor, view) {
  let active = null;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    const { width, height } = editor.layout;
    return {
      x: ((event.clientX - box.left) * width) / box.width,
      y: ((event.clientY - box.top) * height) / box.height,
    };
  };
  // Shift keeps lines level, upright or diagonal, and rectangles square.
  const constrained = (event) => {
    const position = place(event);
    const start = editor.pen?.start;
    if (!event.shiftKey || !start || !["line", "rectangle"].includes(editor.tool)) return position;
    const [dx, dy] = [position.x - start.x, position.y - start.y];
    const length = Math.max(Math.abs(dx), Math.abs(dy));
    const flat = editor.tool === "line" && Math.min(Math.abs(dx), Math.abs(dy)) < length / 2;
    return {
      x: start.x + (flat && Math.abs(dx) < length ? 0 : Math.sign(dx) * length),
      y: start.y + (flat && Math.abs(dy) < length ? 0 : Math.sign(dy) * length),
    };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (active !== null || event.button !== 0) return;
    if (event.altKey) {
      editor.pick(place(event), editor.tool);
      return;
    }
    active = event.pointerId;
    stage.setPointerCapture(active);
    editor.down(place(event));
  });
  stage.addEventListener("pointermove", (event) => {
    if (active !== null && event.pointerId !== active) return;
    // A frame's worth of positions: a fast stroke stays round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) editor.move(constrained(each));
    view.point({ ...place(event), keyboard: false });
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => {
      if (event.pointerId !== active) return;
      active = null;
      editor.up();
      if (event.pointerType === "touch") view.point(null);
    });
  }
  stage.addEventListener("pointerleave", () => {
    if (active === null && !view.cursor?.keyboard) view.point(null);
  });
}

function followKeys(stage, editor, view, tell) {
  const { width, height } = editor.layout;
  const cursor = { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5, keyboard: true };
  const show = () => {
    view.point(cursor);
    const at = Math.floor(cursor.y) * width + Math.floor(cursor.x);
    const name = editor.model.byIndex.get(editor.layout.labels[at]).name;
    tell(`${Math.floor(cursor.x)}, ${Math.floor(cursor.y)}: ${name}`);
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step) {
      const far = event.shiftKey ? FAR : 1;
      cursor.x = Math.min(width - 0.5, Math.max(0.5, cursor.x + step[0] * far));
      cursor.y = Math.min(height - 0.5, Math.max(0.5, cursor.y + step[1] * far));
      editor.move({ ...cursor });
    } else if (event.key === " ") {
      if (!event.repeat) editor.down({ ...cursor });
    } else if (event.key === "Enter") {
      if (editor.pen) editor.up();
      else editor.down({ ...cursor });
    } else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
  stage.addEventListener("keyup", (event) => {
    if (event.key === " ") editor.up();
  });
  stage.addEventListener("focus", () => stage.matches(":focus-visible") && show());
  stage.addEventListener("blur", () => {
    editor.up();
    view.point(null);
  });
}

/**
 * Connects the layout's element.
 * @param {HTMLElement} stage
 * @param editor
 * @param view
 * @param {(text: string) => void} tell says where the keyboard's cursor is
 */
export function connectStage(stage, editor, view, tell) {
  followPointer(stage, editor, view);
  followKeys(stage, editor, view, tell);
}
