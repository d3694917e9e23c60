// What outlives a reload: the work in localStorage (written at once, even while the
// page is closing), the results with their images in IndexedDB.

import { fromBase64, toBase64 } from "./server.js";

/** Packs small numbers as runs: base64 of varints (value, length). */
export function pack(values) {
  const bytes = [];
  const number = (value) => {
    for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
    bytes.push(value);
  };
  for (let at = 0; at < values.length; ) {
    let end = at + 1;
    while (end < values.length && values[end] === values[at]) end++;
    number(values[at]);
    number(end - at);
    at = end;
  }
  return toBase64(Uint8Array.from(bytes));
}

/** The inverse of `pack`, into an array that it must fill. */
export function unpack(text, target) {
  const bytes = fromBase64(text);
  let at = 0;
  const number = () => {
    let [value, shift] = [0, 0];
    for (; bytes[at] > 127; shift += 7) value |= (bytes[at++] & 127) << shift;
    return value | (bytes[at++] << shift);
  };
  let filled = 0;
  while (at < bytes.length) {
    const [value, length] = [number(), number()];
    target.fill(value, filled, filled + length);
    filled += length;
  }
  if (filled !== target.length) throw new Error("the kept layout has another size");
  return target;
}

/** Reads a kept object; null where there is none or it can't be read. */
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** Keeps an object. Returns whether the browser had room and leave. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The results of one model, oldest first. Without IndexedDB it keeps nothing. */
export class ResultStore {
  static async open(key) {
    const store = new ResultStore();
    store.key = key;
    try {
      const request = indexedDB.open("ccfpse", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("results", { autoIncrement: true }).createIndex("key", "key");
      };
      store.database = await finished(request);
    } catch {
      store.database = null;
    }
    return store;
  }

  #results(mode) {
    return this.database.transaction("results", mode).objectStore("results");
  }

  /** All kept results, each with the `id` to remove it by. */
  async all() {
    if (!this.database) return [];
    const index = this.#results("readonly").index("key");
    const [ids, values] = await Promise.all([
      finished(index.getAllKeys(this.key)), finished(index.getAll(this.key)),
    ]);
    return values.map((value, at) => ({ ...value, id: ids[at] }));
  }

  /** Keeps a result (arrays, bytes, plain values). Returns its id, null if not kept. */
  async add(result) {
    if (!this.database) return null;
    return finished(this.#results("readwrite").add({ ...result, key: this.key })).catch(() => null);
  }

  async remove(id) {
    if (this.database && id !== null) await finished(this.#results("readwrite").delete(id)).catch(() => {});
  }
}
