// Asks the server for images: while the user pauses, one at a time, the last wins.

const PAUSE = 400; // ms without a change
const SLOW = 4000; // ms after which the page says that it still waits
const WAITS = [2, 4, 8, 15, 30]; // s before asking a server again that is away

/**
 * Events: `start`; `image` with {request, bytes, seconds}; `slow`; `trouble` with
 * {error, wait}, where wait is null if it is not tried again by itself.
 */
export class Generator extends EventTarget {
  /**
   * @param server
   * @param {() => Promise<{signature, row}>} prepare makes the request of now
   */
  constructor(server, prepare) {
    super();
    this.server = server;
    this.prepare = prepare;
    this.current = null; // AbortController of the request under way
    this.timer = null;
    this.failures = 0;
    addEventListener("online", () => this.failures && this.now());
  }

  /** Something changed: generates after a pause. */
  schedule() {
    clearTimeout(this.timer);
    this.failures = 0;
    this.timer = setTimeout(() => this.now(), PAUSE);
  }

  /** Forgets what was scheduled; an answer under way is still shown. */
  hold() {
    clearTimeout(this.timer);
  }

  /** Also forgets the request under way. */
  stop() {
    this.hold();
    this.current?.abort();
    this.current = null;
  }

  async now() {
    this.stop();
    const controller = new AbortController();
    this.current = controller;
    this.#tell("start");
    const slow = setTimeout(() => this.#tell("slow"), SLOW);
    const started = performance.now();
    try {
      const request = await this.prepare();
      if (controller.signal.aborted) return;
      const bytes = await this.server.predict(request.signature, request.row, controller.signal);
      if (controller !== this.current) return;
      this.failures = 0;
      this.current = null;
      this.#tell("image", { request, bytes, seconds: (performance.now() - started) / 1000 });
    } catch (error) {
      if (controller !== this.current) return;
      this.current = null;
      const wait = error.retry ? error.after ?? WAITS[Math.min(this.failures, WAITS.length - 1)] : null;
      this.failures++;
      if (wait !== null) this.timer = setTimeout(() => this.now(), wait * 1000);
      this.#tell("trouble", { error, wait });
    } finally {
      clearTimeout(slow);
    }
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
