"use strict";
const STUDY = JSON.parse(document.getElementById("study").textContent);
const PREFIX = `ccfpse-study:${STUDY.study}:`;
const CURRENT = `${PREFIX}current`;
const SMALL = 128; // pictures lower than this are enlarged without smoothing
const LARGEST = 4; // times their own size
const AHEAD = 3; // pairs whose pictures are loaded before they are asked for
const FLASH = 140; // ms for which an answer is shown
const TRIALS = new Map([...STUDY.pairs, ...STUDY.checks].map((trial) => [trial.id, trial]));

const id = (name) => document.getElementById(name);
const stage = id("stage");
const choices = [...document.querySelectorAll(".choice")];
const pictures = new Map(); // address -> promise of a decoded image, so none is fetched twice
let state = null; // what is stored and downloaded, see `begin`
let position = 0; // place in state.plan
let ready = false; // whether an answer counts now
let since = null; // when the pair was last in view; null while it is not
let seen = 0; // ms for which it was, until then
let turn = 0; // grows with every pair shown, so that late pictures are ignored

// ---------------------------------------------------------------- the plan of a rater
function random(seed) {
  // mulberry32: 32 bits of state are plenty for an order and some coin flips.
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(items, draw) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

function makePlan(seed) {
  const draw = random(seed);
  const side = (trial, repeat) => {
    const [left, right] = shuffled(trial.images, draw);
    return { trial: trial.id, repeat, left, right };
  };
  const own = shuffled(STUDY.pairs, draw).slice(0, STUDY.perRater);
  const plan = shuffled([...own, ...STUDY.checks], draw).map((trial) => side(trial, false));
  // Repeats come late enough that the first answer is not just remembered, and their
  // places are drawn, so that the study's end does not consist of them.
  const pairs = plan.filter((entry) => own.some((trial) => trial.id === entry.trial));
  const gap = Math.min(10, Math.ceil(pairs.length / 2));
  const early = pairs.slice(0, pairs.length - gap);
  for (const entry of shuffled(early, draw).slice(0, STUDY.repeats)) {
    const first = Math.min(plan.indexOf(entry) + gap + 1, plan.length);
    const place = first + Math.floor(draw() * (plan.length - first + 1));
    plan.splice(place, 0, {
      trial: entry.trial, repeat: true, left: entry.right, right: entry.left,
    });
  }
  return plan;
}

// ------------------------------------------------------------------- what is kept
function load(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // reported when saving fails
  }
}

function save() {
  try {
    localStorage.setItem(PREFIX + "rater:" + state.rater, JSON.stringify(state));
    localStorage.setItem(CURRENT, state.rater);
  } catch {
    trouble("This browser keeps nothing: do not close or reload the page before you have downloaded your answers.");
    window.onbeforeunload = (event) => event.preventDefault();
  }
}

function begin(rater) {
  const stored = load(PREFIX + "rater:" + rater);
  if (stored) {
    state = JSON.parse(stored);
  } else {
    const [seed, ...rest] = crypto.getRandomValues(new Uint32Array(3));
    state = {
      kind: "ccfpse study result", format: STUDY.format, study: STUDY.study, rater,
      session: rest.map((number) => number.toString(16).padStart(8, "0")).join(""), seed,
      started: new Date().toISOString(), finished: null, plan: makePlan(seed), answers: [],
    };
    save();
  }
  resume();
}

function resume() {
  position = state.answers.length;
  if (position < state.plan.length) show();
  else finish();
}

function download() {
  const name = state.rater.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "") || "rater";
  const { plan, ...rest } = state;
  const content = { ...rest, planned: plan.length };
  const link = document.createElement("a");
  const blob = new Blob([JSON.stringify(content, null, 1) + "\n"], { type: "application/json" });
  link.href = URL.createObjectURL(blob);
  link.download = `study-${name}-${state.session.slice(0, 6)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  id("saved").textContent = `${link.download} is among your downloads.`;
}

// ------------------------------------------------------------------- showing a pair
function openPage(name) {
  for (const page of document.querySelectorAll("main")) page.hidden = page.id !== name;
}

function trouble(text) {
  id("trouble").textContent = text;
  id("trouble").hidden = !text;
}

function picture(address) {
  if (!pictures.has(address)) {
    const image = new Image();
    image.src = address;
    pictures.set(address, image.decode().then(() => image));
    pictures.get(address).catch(() => pictures.delete(address)); // to be tried again
  }
  return pictures.get(address);
}

function addresses(entry) {
  return [TRIALS.get(entry.trial).layout, entry.left, entry.right];
}

async function show() {
  const mine = ++turn;
  const entry = state.plan[position];
  const given = state.answers[position];
  ready = false;
  seen = given ? given.seconds * 1000 : 0;
  since = null;
  openPage("trial");
  stage.classList.add("waiting");
  id("progress").max = state.plan.length;
  id("progress").value = position;
  id("count").textContent = `${position + 1} of ${state.plan.length}`;
  id("back").disabled = position === 0;
  let loaded;
  try {
    loaded = await Promise.all(addresses(entry).map(picture));
  } catch {
    if (mine === turn) trouble("A picture of this pair cannot be loaded. The folder “pictures” must lie beside this page; reload when it does.");
    return;
  }
  if (mine !== turn) return;
  [...stage.querySelectorAll("img")].forEach((image, index) => {
    image.src = loaded[index].src;
    image.classList.toggle("crisp", loaded[index].naturalHeight < SMALL);
  });
  for (const button of choices) {
    button.setAttribute("aria-pressed", String(given?.choice === button.dataset.side));
  }
  fit(loaded[1]);
  const near = state.plan.slice(Math.max(0, position - 1), position + 1 + AHEAD);
  const wanted = new Set(near.flatMap(addresses));
  for (const address of wanted) picture(address).catch(() => {});
  for (const address of pictures.keys()) if (!wanted.has(address)) pictures.delete(address);
  since = document.hidden ? null : performance.now();
  await pause(given ? 0 : STUDY.minSeconds * 1000);
  if (mine !== turn) return;
  stage.classList.remove("waiting");
  ready = true;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function fit(image) {
  // A picture's frame adds 12 px, its caption 26, a gap 12.
  const ratio = image.naturalWidth / image.naturalHeight;
  const width = stage.clientWidth;
  const height = stage.clientHeight;
  const shapes = {
    row: { columns: 3, rows: 1, layout: 1 },
    above: { columns: 2, rows: 2, layout: 0.7 },
    stack: { columns: 1, rows: 3, layout: 0.6 },
  };
  let best = null;
  for (const [name, { columns, rows, layout }] of Object.entries(shapes)) {
    const across = (width - 12 * (columns - 1)) / columns - 12;
    const down = (height - 12 * (rows - 1) - 38 * rows) / (rows - 1 + layout);
    const w = Math.max(40, Math.min(across, down * ratio, image.naturalWidth * LARGEST));
    if (!best || w > best.w * 1.02) best = { name, w, layout };
  }
  const set = (name, value) => stage.style.setProperty(name, `${Math.floor(value)}px`);
  stage.dataset.shape = best.name;
  set("--w", best.w);
  set("--h", best.w / ratio);
  set("--lw", best.w * best.layout);
  set("--lh", (best.w * best.layout) / ratio);
  const words = best.name === "stack" ? ["upper", "lower"] : ["left", "right"];
  choices.forEach((button, index) => {
    button.querySelector(".word").textContent = words[index];
    button.setAttribute("aria-label", `choose the ${words[index]} image`);
  });
}

// ------------------------------------------------------------------------- answering
async function answer(side, input) {
  if (!ready || id("trial").hidden) return;
  ready = false;
  const { trial, repeat, left, right } = state.plan[position];
  const revisions = state.answers[position] ? state.answers[position].revisions + 1 : 0;
  const seconds = Math.round(looked()) / 1000;
  state.answers[position] = { trial, repeat, left, right, choice: side, seconds, input, revisions };
  if (state.answers.length === state.plan.length) state.finished = new Date().toISOString();
  save();
  for (const button of choices) {
    button.setAttribute("aria-pressed", String(button.dataset.side === side));
  }
  const mine = turn;
  await pause(FLASH);
  if (mine !== turn) return;
  resume(); // after a correction, too: what follows is answered already
}

function back() {
  if (position > 0) {
    position -= 1;
    show();
  }
}

function looked() {
  return seen + (since === null ? 0 : performance.now() - since);
}

function finish() {
  turn += 1;
  ready = false;
  id("answered").textContent = state.plan.length;
  id("saved").textContent = "";
  openPage("end");
  document.querySelector("#end .save").focus();
}

function welcome() {
  state = null;
  openPage("start");
  id("again").hidden = true;
  id("total").textContent = STUDY.perRater + STUDY.repeats + STUDY.checks.length;
  id("name").value = "";
  id("name").focus();
}

// ---------------------------------------------------------------------------- events
for (const place of document.querySelectorAll(".question")) place.textContent = STUDY.question;
for (const button of document.querySelectorAll(".save")) button.addEventListener("click", download);
for (const button of choices) {
  button.addEventListener("click", (event) => {
    // A key on a focused button clicks it, too, without a place.
    answer(button.dataset.side, event.detail ? "pointer" : "key");
  });
}
id("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = id("name").value.trim();
  if (name) begin(name);
});
id("name").addEventListener("input", () => {
  const stored = JSON.parse(load(PREFIX + "rater:" + id("name").value.trim()) ?? "null");
  id("again").hidden = !stored;
  if (stored) {
    id("again").textContent = `Someone of this name has answered ${stored.answers.length} of ${stored.plan.length} pairs here; you would go on from there. If that was not you, choose another name.`;
  }
});
id("back").addEventListener("click", back);
id("revise").addEventListener("click", back);
id("another").addEventListener("click", () => {
  try {
    localStorage.removeItem(CURRENT);
  } catch { /* reported when saving failed */ }
  welcome();
});
document.addEventListener("keydown", (event) => {
  if (!state || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const stacked = stage.dataset.shape === "stack";
  const keys = {
    1: "left", 2: "right", ArrowLeft: "left", ArrowRight: "right",
    ...(stacked && { ArrowUp: "left", ArrowDown: "right" }),
  };
  if (Object.hasOwn(keys, event.key)) answer(keys[event.key], "key");
  else if (event.key === "Backspace") back();
  else return;
  event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    seen = looked();
    since = null;
  } else if (state && !id("trial").hidden) since = performance.now();
});
window.addEventListener("storage", (event) => {
  // The same rater in another tab: go on from there, or its answers would be lost.
  if (state && event.key === PREFIX + "rater:" + state.rater && event.newValue) {
    state = JSON.parse(event.newValue);
    resume();
  }
});
new ResizeObserver(() => {
  const image = choices[0].querySelector("img");
  if (image.naturalWidth && !id("trial").hidden) fit(image);
}).observe(stage);

const rater = load(CURRENT);
if (rater && load(PREFIX + "rater:" + rater)) begin(rater);
else welcome();
