"use strict";
const sections = [...document.querySelectorAll("section")];
const legend = document.querySelector(".legend");
const dialog = document.querySelector("dialog");
const count = document.getElementById("count");
const allText = count.textContent;
let pictures = [];
let current = 0;

legend.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const pressed = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!pressed));
  const wanted = [...legend.querySelectorAll('[aria-pressed="true"]')].map(
    (chosen) => chosen.dataset.class,
  );
  let shown = 0;
  for (const section of sections) {
    const classes = section.dataset.classes.split(" ");
    section.hidden = !wanted.every((index) => classes.includes(index));
    shown += !section.hidden;
  }
  count.textContent = wanted.length ? `${shown} of ${sections.length} layouts shown` : allText;
  document.getElementById("none").hidden = shown > 0;
});

function show(index) {
  current = (index + pictures.length) % pictures.length;
  const source = pictures[current];
  const image = dialog.querySelector("img");
  image.src = source.src;
  image.alt = source.alt;
  image.className = getComputedStyle(source).imageRendering === "pixelated" ? "crisp" : "";
  dialog.style.setProperty("--ratio", source.naturalWidth / source.naturalHeight);
  dialog.querySelector("p").textContent = source.alt;
}

document.querySelector("main").addEventListener("click", (event) => {
  const button = event.target.closest("figure button");
  if (!button) return;
  pictures = [...document.querySelectorAll("section:not([hidden]) .picture")];
  show(pictures.indexOf(button.querySelector("img")));
  dialog.showModal();
});

dialog.addEventListener("click", (event) => {
  const step = event.target.dataset?.step;
  if (step) show(current + Number(step));
  else if (event.target === dialog) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(current - 1);
  if (event.key === "ArrowRight") show(current + 1);
});
