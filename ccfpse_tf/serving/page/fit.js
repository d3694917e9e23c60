// Brings maps of another size to the model's, without inventing values: whole, or of
// maps of another shape their middle.

export const RESIZE = "Resize";
export const CROP = "Crop";

const text = ({ width, height }) => `${width} × ${height}`;

/** The largest window of the model's shape in the middle of a map. */
function middle({ width, height }, model) {
  const scale = Math.min(width / model.width, height / model.height);
  const part = { width: Math.round(model.width * scale) || 1, height: Math.round(model.height * scale) || 1 };
  return { ...part, x: (width - part.width) >> 1, y: (height - part.height) >> 1 };
}

/** Scales a part of a map: the pixel under each pixel's middle. Keeps the array's type. */
function sample(values, width, part, model) {
  const sampled = new values.constructor(model.width * model.height);
  for (let y = 0; y < model.height; y++) {
    const row = (part.y + Math.floor(((y + 0.5) * part.height) / model.height)) * width + part.x;
    for (let x = 0; x < model.width; x++) {
      sampled[y * model.width + x] = values[row + Math.floor(((x + 0.5) * part.width) / model.width)];
    }
  }
  return sampled;
}

/**
 * How maps of one size are brought to a model's.
 * @param {{width: number, height: number}} size of the maps
 * @param {string} way RESIZE or CROP
 * @returns {{apply: Function, note: string, other: ?string}} `apply` takes an array of
 *   that size and gives one of the model's; the note is for the user; `other` is the way
 *   that gives something else, null if there is none
 */
export function fitting(size, model, way = RESIZE) {
  const { width, height } = size;
  if (width === model.width && height === model.height) {
    return { apply: (values) => values, note: "", other: null };
  }
  const cut = middle(size, model);
  const shaped = cut.width === width && cut.height === height;
  const cropped = way === CROP && !shaped;
  const part = cropped ? cut : { x: 0, y: 0, width, height };
  const exact = cut.width === model.width && cut.height === model.height;
  const note = cropped
    ? `the middle of ${text(size)} was ${exact ? "cut to" : "taken and scaled to"} ${text(model)}.`
    : `${text(size)} was scaled to ${text(model)}${shaped ? "" : ", which stretches it"}.`;
  const other = shaped ? null : cropped ? RESIZE : CROP;
  return { apply: (values) => sample(values, width, part, model), note, other };
}
