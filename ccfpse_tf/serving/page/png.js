// PNG files read and written exactly. A browser's own decoder would turn palette
// indices and 16-bit greys into 8-bit colours, and those into a screen's.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
const MAX_PIXELS = 1 << 24; // a file of a few kB can hold gigapixels
// Adam7: [first column, first row, column step, row step] of each pass.
const PASSES = [
  [0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2],
];

const CRCS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

function checksum(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRCS[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

async function collect(stream, limit) {
  const parts = [];
  let length = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      reader.cancel();
      throw new Error("it holds more data than its size allows");
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function through(bytes, transform, limit = Infinity) {
  return collect(new Blob([bytes]).stream().pipeThrough(transform), limit);
}

function readChunks(bytes) {
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte)) throw new Error("it is no PNG file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = [];
  let header = null;
  let palette = null;
  for (let offset = 8; ; ) {
    if (offset + 12 > bytes.length) throw new Error("the file is cut short");
    const length = view.getUint32(offset);
    const end = offset + 8 + length;
    if (end + 4 > bytes.length) throw new Error("the file is cut short");
    const kind = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (checksum(bytes.subarray(offset + 4, end)) !== view.getUint32(end)) {
      throw new Error(`the file is damaged (checksum of ${kind})`);
    }
    const body = bytes.subarray(offset + 8, end);
    if (kind === "IHDR") header = readHeader(body);
    else if (kind === "PLTE") palette = body;
    else if (kind === "IDAT") data.push(body);
    else if (kind === "IEND") break;
    offset = end + 4;
  }
  if (!header || !data.length || (header.type === 3 && !palette)) throw new Error("parts are missing");
  return { header, palette, data };
}

function readHeader(body) {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const header = {
    width: view.getUint32(0), height: view.getUint32(4),
    depth: body[8], type: body[9], interlaced: body[12] === 1,
  };
  if (!DEPTHS[header.type]?.includes(header.depth)) throw new Error("its pixel format is unknown");
  if (!header.width || !header.height || header.width * header.height > MAX_PIXELS) {
    throw new Error(`${header.width} × ${header.height} pixels; at most ${MAX_PIXELS} are read`);
  }
  return header;
}

function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

// Undoes the filter of one row in place; `above` is the finished row before it.
function unfilter(kind, row, above, step) {
  if (kind > 4) throw new Error(`the file is damaged (filter ${kind})`);
  if (kind === 0) return;
  for (let at = 0; at < row.length; at++) {
    const left = at >= step ? row[at - step] : 0;
    const corner = at >= step ? above[at - step] : 0;
    if (kind === 1) row[at] += left;
    else if (kind === 2) row[at] += above[at];
    else if (kind === 3) row[at] += (left + above[at]) >> 1;
    else row[at] += paeth(left, above[at], corner);
  }
}

function sample(row, index, depth) {
  if (depth === 8) return row[index];
  if (depth === 16) return (row[2 * index] << 8) | row[2 * index + 1];
  const bit = index * depth;
  return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

// Colours are compared with a palette of 8 bits: 257 times its values in 16 bits.
function eightBits(value, depth) {
  if (depth === 8) return value;
  if (value % 257) throw new Error("its colours have 16 bits; save ids as a grey PNG, or colours with 8 bits");
  return value >> 8;
}

/**
 * Reads a PNG file.
 * @param {Uint8Array} bytes
 * @returns {Promise<{width, height, kind, values: Uint32Array, palette: number[]}>}
 *   kind "grey": grey values (of 8 or 16 bits); "palette": indices, with the packed
 *   colours 0xrrggbb of the palette; "color": packed colours. Transparency is ignored.
 * @throws {Error} saying what is wrong with the file
 */
export async function decodePng(bytes) {
  const { header, palette, data } = readChunks(bytes);
  const { width, height, depth, type } = header;
  const channels = CHANNELS[type];
  const passes = header.interlaced ? PASSES : [[0, 0, 1, 1]];
  const size = (count) => Math.ceil((count * channels * depth) / 8);
  const grids = passes
    .map(([x, y, dx, dy]) => [x, y, dx, dy, Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)])
    .filter(([, , , , columns, rows]) => columns > 0 && rows > 0);
  const total = grids.reduce((sum, [, , , , columns, rows]) => sum + rows * (1 + size(columns)), 0);
  const raw = await through(new Blob(data), new DecompressionStream("deflate"), total).catch((error) => {
    throw error.message.startsWith("it ") ? error : new Error("the file is damaged (its data)");
  });
  if (raw.length < total) throw new Error("the file is cut short");
  const values = new Uint32Array(width * height);
  let offset = 0;
  for (const [x0, y0, dx, dy, columns, rows] of grids) {
    let above = new Uint8Array(size(columns));
    for (let r = 0; r < rows; r++) {
      const row = raw.subarray(offset + 1, offset + 1 + size(columns));
      unfilter(raw[offset], row, above, Math.max(1, (channels * depth) >> 3));
      above = row;
      offset += 1 + row.length;
      for (let c = 0; c < columns; c++) {
        const at = (y0 + r * dy) * width + x0 + c * dx;
        if (channels < 3) values[at] = sample(row, c * channels, depth);
        else {
          const part = (k) => eightBits(sample(row, c * channels + k, depth), depth);
          values[at] = (part(0) << 16) | (part(1) << 8) | part(2);
        }
      }
    }
  }
  const colors = [];
  for (let at = 0; palette && at + 2 < palette.length; at += 3) {
    colors.push((palette[at] << 16) | (palette[at + 1] << 8) | palette[at + 2]);
  }
  const kind = type === 3 ? "palette" : channels < 3 ? "grey" : "color";
  return { width, height, kind, values, palette: colors };
}

function chunk(kind, body) {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let at = 0; at < 4; at++) bytes[4 + at] = kind.charCodeAt(at);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, checksum(bytes.subarray(4, 8 + body.length)));
  return bytes;
}

/**
 * Writes a greyscale PNG file.
 * @param {Uint8Array | Uint16Array} values row by row
 * @param {number} width
 * @param {number} height
 * @param {8 | 16} depth bits of a pixel
 * @returns {Promise<Uint8Array>}
 */
export async function encodeGrey(values, width, height, depth) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  const stride = 1 + (width * depth) / 8; // filter 0, then the row
  const raw = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const row = values.subarray(y * width, (y + 1) * width);
    if (depth === 8) raw.set(row, y * stride + 1);
    else for (let x = 0; x < width; x++) {
      raw[y * stride + 1 + 2 * x] = row[x] >> 8;
      raw[y * stride + 2 + 2 * x] = row[x] & 255;
    }
  }
  const packed = await through(raw, new CompressionStream("deflate"));
  const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", [])];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
