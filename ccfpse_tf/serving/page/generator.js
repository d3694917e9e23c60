// Asks the server for images, one at a time. Those of a quick model follow the brush:
// the newest layout is sent as soon as the last answer is there, and that of a finished
// stroke at once, in place of the request under way. Of a slow model they are asked for
// when the user pauses, and a newer request ends the one under way.

export const PAUSE = 400; // ms without a change
const QUICK = 1000; // ms; what the last requests of a quick model took less than
const REMEMBERED = 3; // requests
const SLOW = 4000; // ms after which the page says that it still waits
const WAITS = [2, 4, 8, 15, 30]; // s before asking a server again that is away

/**
 * Events: `start` with {following}; `image` with {request, bytes, ms, following};
 * `slow`; `trouble` with {error, wait}, where wait is null if it is not tried again by
 * itself. `following` tells that the request was made while the user went on.
 */
export class Generator extends EventTarget {
  /**
   * @param server
   * @param {() => Promise<{signature, row}>} prepare makes the request of now
   * @param {() => boolean} stale tells whether it would be another one than the last
   */
  constructor(server, prepare, stale) {
    super();
    Object.assign(this, { server, prepare, stale });
    this.current = null; // AbortController of the request under way
    this.behind = false; // whether something changed since it was sent
    this.hurried = false; // whether it took another one's place
    this.began = 0;
    this.times = []; // ms that the last requests took
    this.timer = null;
    this.failures = 0;
    addEventListener("online", () => this.failures && this.now());
  }

  /** Whether images can follow the brush, by what the last requests took. */
  get quick() {
    const times = this.times.toSorted((a, b) => a - b);
    if (this.current && performance.now() - this.began > QUICK) return false;
    return times.length > 0 && times[(times.length - 1) >> 1] < QUICK;
  }

  /** Something may have changed: generates now if the model is quick, else after a pause. */
  schedule() {
    this.hold();
    this.failures = 0;
    if (!this.quick) this.timer = setTimeout(() => this.stale() && this.now(), PAUSE);
    else if (this.current) this.behind = true;
    else if (this.stale()) this.#send(true);
  }

  /**
   * A stroke has ended: the image of a quick model that is on its way is of no use any
   * more. One that took another's place is waited for, so that many short strokes are
   * not left without any.
   */
  hurry() {
    if (!this.quick || !this.current || this.hurried || !this.stale()) return this.schedule();
    this.stop();
    this.#send(true);
    this.hurried = true;
  }

  /** Forgets what was scheduled; an answer under way is still shown. */
  hold() {
    clearTimeout(this.timer);
    this.behind = false;
  }

  /** Also forgets the request under way. */
  stop() {
    this.hold();
    this.current?.abort();
    this.current = null;
  }

  now() {
    this.stop();
    return this.#send(false);
  }

  async #send(following) {
    const controller = new AbortController();
    this.current = controller;
    this.behind = this.hurried = false;
    this.began = performance.now();
    this.#tell("start", { following });
    const slow = setTimeout(() => this.#tell("slow"), following ? QUICK : SLOW);
    try {
      // All moves of the pointer that came together belong to one request.
      await null;
      if (controller !== this.current) return;
      const request = await this.prepare();
      if (controller !== this.current) return;
      const bytes = await this.server.predict(request.signature, request.row, controller.signal);
      if (controller !== this.current) return;
      const ms = performance.now() - this.began;
      this.times = [...this.times, ms].slice(-REMEMBERED);
      this.failures = 0;
      this.current = null;
      this.#tell("image", { request, bytes, ms, following });
      if (this.behind) this.schedule();
    } catch (error) {
      if (controller !== this.current) return;
      this.current = null;
      this.#fail(error);
    } finally {
      clearTimeout(slow);
    }
  }

  #fail(error) {
    this.times = []; // a server that comes back is not asked at every move at once
    const wait = error.retry ? error.after ?? WAITS[Math.min(this.failures, WAITS.length - 1)] : null;
    this.failures++;
    if (wait !== null) this.timer = setTimeout(() => this.now(), wait * 1000);
    this.#tell("trouble", { error, wait });
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
