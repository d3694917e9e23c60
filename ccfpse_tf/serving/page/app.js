// Puts the page together: editor, server, style, results, and what is kept.

import { carryIn, carryOut } from "./carry.js";
import { connect } from "./connect.js";
import { Controls } from "./controls.js";
import { byId, clearMessage, download, showMessage } from "./dom.js";
import { Editor } from "./editor.js";
import { connectFiles, readExamples, showExamples } from "./files.js";
import { Generator, PAUSE } from "./generator.js";
import { writeLabels, writeObjects } from "./maps.js";
import { ObjectList } from "./objects.js";
import { Palette } from "./palette.js";
import { connectPhoto } from "./photo.js";
import { Picture } from "./picture.js";
import { connectStage } from "./pointer.js";
import { Results } from "./results.js";
import { toBase64 } from "./server.js";
import { ResultStore } from "./store.js";
import { Style } from "./style.js";
import { View } from "./view.js";
import { Work } from "./work.js";

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

class Page {
  constructor(server, model, examples, store) {
    Object.assign(this, { server, model, examples });
    this.settings = { auto: true, view: "side", opacity: 45, single: true };
    this.editor = new Editor(model);
    this.style = new Style(model);
    this.picture = new Picture(model);
    this.results = new Results(store, model);
    this.generator = new Generator(server, () => this.request(), () => this.stale);
    this.controls = new Controls(this.editor, this.settings);
    this.work = new Work(this.editor, this.style, this.settings);
    this.asked = null; // layout and style of the last request, or of what is shown
    this.keepTimer = null; // until the image that followed the brush becomes a result
  }

  async start() {
    const { editor, model } = this;
    this.showModel();
    this.view = new View(editor, byId("pixels"), byId("marks"));
    connectStage(byId("stage"), editor, this.view, (text) => (byId("cursor").textContent = text));
    const palette = new Palette(editor);
    const objects = new ObjectList(editor);
    connectFiles(editor);
    connectPhoto(this.server, editor, this.style);
    showExamples(this.examples, editor);
    if (!this.work.revive() && this.examples.length) editor.layout.restore(this.examples[0]);
    carryIn(editor); // Undo brings this model's own back
    editor.choose({});
    this.connectEvents();
    this.controls.connectKeys({
      draw: () => this.generator.now(),
      random: model.styled && (() => this.style.random()),
      newObject: model.instances && (() => objects.toggleNew()),
      chooseClass: (position) => palette.chooseShown(position),
    });
    this.view.request();
    await this.results.load();
    if (this.showLatest()) return;
    if (this.settings.auto) this.generator.now();
    else this.schedule();
  }

  showModel() {
    const { model } = this;
    const step = Number.isInteger(model.step) ? ` · step ${model.step}` : "";
    byId("title").textContent = model.title;
    byId("facts").textContent = `${model.width} × ${model.height} · ${model.classes.length} classes${step}`;
    byId("stage").setAttribute("aria-label", `Layout, ${model.width} by ${model.height} pixels`);
    document.title = `${model.title} · paint`;
    document.body.style.setProperty("--ratio", model.width / model.height);
    document.querySelector("main").hidden = false;
  }

  connectEvents() {
    const { editor, generator } = this;
    editor.addEventListener("commit", () => this.changed(true));
    editor.addEventListener("change", () => {
      if (editor.pen) this.moved();
      // A stroke that changes nothing takes up what waited.
      else if (this.stale || generator.failures) this.schedule();
      this.work.keepSoon();
    });
    editor.addEventListener("select", () => this.work.keepSoon());
    this.style.addEventListener("change", () => this.changed());
    this.controls.addEventListener("change", () => {
      if (this.stale) this.schedule();
      this.work.keepSoon();
    });
    generator.addEventListener("start", ({ detail }) => {
      clearTimeout(this.keepTimer);
      if (!detail.following) this.picture.wait("Drawing…");
    });
    generator.addEventListener("slow", () => this.picture.wait("Still drawing; the server is slow or busy…"));
    generator.addEventListener("image", ({ detail }) => this.receive(detail));
    generator.addEventListener("trouble", ({ detail }) => this.trouble(detail));
    this.results.addEventListener("restore", ({ detail }) => this.restore(detail));
    byId("model").addEventListener("change", () => carryOut(editor));
    byId("draw").addEventListener("click", () => generator.now());
    byId("save-image").addEventListener("click", () => {
      download(this.picture.bytes, `${this.model.name}-image.png`);
    });
    for (const kind of ["dragover", "drop"]) {
      // A file dropped beside the marked places would replace the page.
      addEventListener(kind, (event) => event.preventDefault());
    }
  }

  /** Whether anything changed since the server was last asked. */
  get stale() {
    const { asked, editor, style } = this;
    return !asked || !editor.layout.equals(asked) || !style.equals(asked.style);
  }

  /** In the middle of a stroke: images of a quick model follow it, others wait. */
  moved() {
    const { generator } = this;
    if (this.settings.auto && generator.quick) generator.schedule();
    else if (!this.settings.auto || !generator.behind) generator.hold();
  }

  changed(committed = false) {
    // What follows the brush is compared; a step of a slow model's user is always drawn.
    if (!this.generator.quick) this.asked = null;
    this.work.keepSoon();
    if (!this.editor.pen) this.schedule(committed);
  }

  schedule(hurry = false) {
    if (this.settings.auto && hurry) this.generator.hurry();
    else if (this.settings.auto) this.generator.schedule();
    else {
      this.generator.hold();
      this.picture.wait("Changed; draw when you like.");
    }
  }

  /** The request for what is painted now, with what its result will remember. */
  async request() {
    const { model, style } = this;
    const layout = this.editor.layout.copy();
    const record = { ...layout, style: style.copy(), step: model.step };
    this.asked = record;
    const row = { label_bytes: { b64: toBase64(await writeLabels(layout, model)) } };
    if (model.takesInstances) {
      const map = await writeObjects(layout, model);
      row.instance_bytes = { b64: map ? toBase64(map) : "" };
    }
    return { signature: style.addTo(row), row, record };
  }

  receive({ request, bytes, ms, following }) {
    clearMessage("server");
    const keep = () => {
      this.picture.tell(`Drawn in ${duration(ms)}`);
      this.results.add({ ...request.record, image: bytes, time: Date.now() });
    };
    this.picture.show(bytes);
    byId("latency").textContent = duration(ms);
    byId("auto-text").textContent = this.generator.quick ? "as I paint" : "as I pause";
    // What passes by under the brush is not worth keeping; what the user pauses for is.
    if (following) this.keepTimer = setTimeout(keep, PAUSE);
    else keep();
  }

  trouble({ error, wait }) {
    this.asked = null; // there is no answer
    this.picture.wait(wait === null ? "Not drawn" : "Waiting for the server");
    const next = wait === null ? "" : `Trying again in ${wait} seconds.`;
    const text = [error.message, error.detail, "Your layout is kept.", next].filter(Boolean).join(" ");
    showMessage(text, { "Try now": () => this.generator.now() }, { topic: "server" });
  }

  restore(result) {
    this.results.mark(result);
    this.style.set({ code: null, ...result.style });
    this.editor.replace(result);
    this.generator.stop();
    clearTimeout(this.keepTimer);
    this.asked = result;
    this.picture.show(result.image);
    this.picture.tell("An earlier result");
  }

  /** After a reload: the image of what was painted then, if it is that of the latest result. */
  showLatest() {
    const { latest } = this.results;
    if (!latest || latest.step !== this.model.step) return false; // or by an earlier version
    if (!this.editor.layout.equals(latest) || !this.style.equals(latest.style)) return false;
    this.asked = latest;
    this.picture.show(latest.image);
    this.picture.tell("Drawn before");
    this.results.mark(latest);
    return true;
  }
}

const { server, model } = await connect();
const examples = await readExamples(model).catch((error) => {
  showMessage(`The model's examples can't be read: ${error.message}`);
  return [];
});
const page = new Page(server, model, examples, await ResultStore.open(model.key));
await page.start();
