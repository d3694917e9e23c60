// Which pixels a stroke covers. Every function calls span(y, x0, x1) with the
// half-open runs of pixels, clipped to the map. Positions are in pixels: (0.5, 0.5)
// is the middle of the first.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Moves a position to where a brush of `size` pixels covers whole pixels evenly. */
export function snap(value, size) {
  return size % 2 ? Math.floor(value) + 0.5 : Math.round(value);
}

/** A round brush drawn along a straight line, without gaps at any speed. */
export function stroke(from, to, size, width, height, span) {
  const [ax, ay, bx, by] = [from.x, from.y, to.x, to.y].map((value) => snap(value, size));
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const radius = size / 2;
  const top = clamp(Math.floor(Math.min(ay, by) - radius), 0, height);
  const bottom = clamp(Math.ceil(Math.max(ay, by) + radius), 0, height);
  const left = clamp(Math.floor(Math.min(ax, bx) - radius), 0, width);
  const right = clamp(Math.ceil(Math.max(ax, bx) + radius), 0, width);
  for (let y = top; y < bottom; y++) {
    let first = -1;
    let last = -1;
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const along = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
      const [ox, oy] = [px - along * dx, py - along * dy];
      if (ox * ox + oy * oy <= radius * radius) {
        if (first < 0) first = x;
        last = x;
      }
    }
    if (first >= 0) span(y, first, last + 1); // the shape is convex: one run a row
  }
}

/** The filled rectangle between the pixels that hold two positions. */
export function box(from, to, width, height, span) {
  const cell = (value, limit) => clamp(Math.floor(value), 0, limit - 1);
  const [x0, x1] = [cell(from.x, width), cell(to.x, width)].sort((a, b) => a - b);
  const [y0, y1] = [cell(from.y, height), cell(to.y, height)].sort((a, b) => a - b);
  for (let y = y0; y <= y1; y++) span(y, x0, x1 + 1);
}

/** The pixels joined to (x, y) by their edges that look the same to `same(a, b)`. */
export function flood(x, y, width, height, same, span) {
  const start = y * width + x;
  const seen = new Uint8Array(width * height);
  const open = (at) => !seen[at] && same(at, start);
  const stack = [start];
  while (stack.length) {
    const at = stack.pop();
    if (!open(at)) continue;
    const row = Math.floor(at / width);
    let left = at;
    let right = at + 1;
    while (left > row * width && open(left - 1)) left--;
    while (right < (row + 1) * width && open(right)) right++;
    seen.fill(1, left, right);
    span(row, left - row * width, right - row * width);
    for (const step of [-width, width]) {
      if ((step < 0 && row === 0) || (step > 0 && row === height - 1)) continue;
      for (let next = left + step; next < right + step; next++) {
        // One entry a run is enough.
        if (open(next) && (next === left + step || !open(next - 1))) stack.push(next);
      }
    }
  }
}
