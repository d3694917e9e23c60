// TensorFlow Serving's REST interface, as far as the page needs it.

const TIMEOUT = 120_000;
const BUSY = new Set([429, 502, 503, 504]);

/** Why there is no answer. `retry`: the same request can succeed later. */
export class ServerError extends Error {
  constructor(text, { retry, after = null, detail = "" }) {
    super(text);
    this.retry = retry;
    this.after = after; // seconds that the server asked to wait
    this.detail = detail; // the server's own words
  }
}

export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

async function request(path, { body, type } = {}, signal = null) {
  const limit = AbortSignal.timeout(TIMEOUT);
  const signals = signal ? AbortSignal.any([signal, limit]) : limit;
  const options = body ? { method: "POST", headers: { "Content-Type": type }, body } : {};
  let response;
  let text;
  try {
    response = await fetch(path, { ...options, signal: signals, cache: "no-store" });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (limit.aborted) {
      throw new ServerError(`The server took longer than ${TIMEOUT / 1000} seconds.`, { retry: false });
    }
    throw new ServerError("The server does not answer.", { retry: true });
  }
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // An error page of a proxy, say; the status decides.
  }
  if (response.ok && answer) return answer;
  const detail = typeof answer?.error === "string" ? answer.error : "";
  if (BUSY.has(response.status)) {
    const after = Number(response.headers.get("Retry-After")) || null;
    throw new ServerError(`The server is busy (${response.status}).`, { retry: true, after, detail });
  }
  const what = response.ok ? "The server's answer is not JSON" : "The server refuses";
  throw new ServerError(`${what} (${response.status}).`, { retry: false, detail });
}

function bytesIn(value, what) {
  if (typeof value?.b64 === "string") return fromBase64(value.b64);
  throw new ServerError(`The answer of ${what} has no bytes in it.`, { retry: false });
}

/** Returns what the server says of itself: {model, models, starting, label_photos}. */
export function askServer() {
  return request("config.json");
}

/** One model on the server that the page came from. */
export class Server {
  constructor(name, labelsPhotos = false) {
    this.name = name;
    this.labelsPhotos = labelsPhotos; // whether `label` can be asked for
    this.path = `v1/models/${encodeURIComponent(name)}:predict`;
  }

  /** Runs a signature on one row; returns the bytes of its only output. */
  async predict(signature, row, signal) {
    const body = JSON.stringify({ signature_name: signature, instances: [row] });
    const answer = await request(this.path, { body, type: "application/json" }, signal);
    return bytesIn(answer.predictions?.[0], signature);
  }

  /** Returns the label map, a PNG of the model's ids, of a photo's file. */
  async label(photo, type) {
    const answer = await request("label", { body: photo, type });
    return bytesIn(answer.label_bytes, "label");
  }

  async describe() {
    return new TextDecoder().decode(await this.predict("describe", { format: 1 }));
  }
}
