// Finds the server, chooses one of its models, and waits until that has started.

import { byId, clearMessage, element, showMessage } from "./dom.js";
import { Model } from "./model.js";
import { askServer, Server } from "./server.js";

const RETRY = 3; // s between attempts to reach the server at the start
const ASK = 300; // ms between questions what a starting model is doing

/** Waits for the server; says so, and why. Returns {server, model}. */
export async function connect() {
  for (;;) {
    try {
      const facts = await askServer();
      const names = facts.models ?? [facts.model];
      const wanted = new URLSearchParams(location.search).get("model");
      const name = names.includes(wanted) ? wanted : facts.model;
      showChooser(names, name);
      const server = new Server(name, facts.label_photos);
      const model = new Model(await whileStarting(name, facts, server.describe()), name);
      clearMessage("server");
      return { server, model };
    } catch (error) {
      byId("status").textContent = "Not connected";
      await again(error);
    }
  }
}

function again(error) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, RETRY * 1000);
    const text = `${error.message} ${error.detail ?? ""} Trying again every ${RETRY} seconds.`;
    const now = () => (clearTimeout(timer), resolve());
    showMessage(text, { "Try now": now }, { topic: "server" });
  });
}

/** Tells what the server does until it answers. */
async function whileStarting(name, facts, answer) {
  const box = byId("starting");
  const show = ({ starting }) => {
    if (!starting?.[name]) return;
    box.hidden = false;
    byId("doing").textContent = starting[name];
    byId("status").textContent = "Starting";
    clearMessage("server");
  };
  show(facts);
  const timer = setInterval(() => askServer().then(show, () => {}), ASK);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
    box.hidden = true;
  }
}

function showChooser(names, name) {
  const chooser = byId("model");
  byId("models").hidden = names.length < 2;
  chooser.replaceChildren(...names.map((each) => element("option", { value: each, textContent: each })));
  chooser.value = name;
  chooser.onchange = () => {
    // The page of another model is loaded anew; app.js hands the layout on.
    const address = new URL(location.href);
    address.searchParams.set("model", chooser.value);
    location.assign(address);
  };
}
