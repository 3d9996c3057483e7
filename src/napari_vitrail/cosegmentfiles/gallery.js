"use strict";
const root = document.documentElement.style;
const pictures = document.getElementById("pictures");
const given = [...pictures.children];
const chips = [...document.querySelectorAll(".chip")];
const rules = document.head.appendChild(document.createElement("style"));
let followed = null;

// What is not shown looks like the rest: one rule does it in all pictures, however many there are.
function restyle() {
  const hidden = chips.filter((chip) => !chip.querySelector("input").checked).map((chip) => chip.dataset.part);
  const others = followed === null ? [] : [`.part:not([data-part="${followed}"])`];
  const dimmed = [...hidden.map((part) => `.part[data-part="${part}"]`), ...others];
  const dim = "{ fill: var(--page); fill-opacity: var(--fade); stroke: none; }";
  rules.textContent = dimmed.map((selector) => `${selector} ${dim}`).join("\n");
  for (const chip of chips) {
    chip.querySelector("button").setAttribute("aria-pressed", chip.dataset.part === followed);
  }
}

function follow(part) {
  followed = followed === part ? null : part;
  restyle();
}

for (const chip of chips) {
  chip.querySelector("input").addEventListener("change", restyle);
  chip.querySelector("button").addEventListener("click", () => follow(chip.dataset.part));
}
pictures.addEventListener("click", (event) => {
  if (event.target.matches(".part")) follow(event.target.dataset.part);
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && followed !== null) follow(followed);
});

for (const [name, unit, scale] of [["tint", "", 100], ["fade", "", 100], ["size", "px", 1]]) {
  const slider = document.getElementById(name);
  const set = () => root.setProperty(`--${name}`, slider.value / scale + unit);
  slider.addEventListener("input", set);
  if (name !== "size") set(); // a small screen has a size of its own until the slider is moved
}
document.getElementById("order").addEventListener("change", (event) => {
  const sign = { place: 0, large: -1, small: 1 }[event.target.value];
  const area = (figure) => Number(figure.dataset.share);
  pictures.append(...[...given].sort((a, b) => sign * (area(a) - area(b))));
});
