"use strict";
// What the pages here share: elements, numbers in words, and drawing in SVG. What comes from the data
// is set as text, and never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const count = (value) => (value === null ? "unknown" : value.toLocaleString("en-US"));
const counted = (value, noun) => count(value) + " " + noun + (value === 1 ? "" : "s");

// Clipped by letters, so that none is cut in two.
function clipped(text, most) {
  const letters = Array.from(text);
  return letters.length > most ? letters.slice(0, most - 1).join("") + "\u2026" : text;
}

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// ---------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// An empty drawing in the place of another, as wide as its box.
function canvas(box, height, label) {
  const wide = Math.max(200, box.clientWidth);
  const made = svg("svg", {width: wide, height, viewBox: `0 0 ${wide} ${height}`, role: "group", "aria-label": label});
  box.replaceChildren(made);
  return made;
}

// Where a number of the range [from, to] stands between two pixels.
function scale(from, to, left, right) {
  const pixels = (right - left) / (to - from || 1);
  return (value) => left + (value - from) * pixels;
}

// Round numbers in a range: steps of 1, 2 or 5 times a power of ten, `most` of them or fewer.
function ticks(from, to, most) {
  const rough = (to - from) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * (1 - 1e-9));
  const found = [];
  for (let number = Math.ceil(from / step); number * step <= to * (1 + 1e-9); number++) found.push(number * step);
  return found;
}

const short = (value) => Number(value.toPrecision(6)).toLocaleString("en-US", {maximumFractionDigits: 6});

// Lines and numbers of an axis of seconds, along the top or the bottom of a drawing.
function secondsAxis(drawing, place, range, top, bottom, isAbove) {
  for (const value of ticks(...range, Math.max(2, drawing.clientWidth / 90))) {
    const x = place(value);
    svg("line", {class: "grid", x1: x, x2: x, y1: top, y2: bottom}, drawing);
    svg("text", {class: "tick", x, y: isAbove ? top - 6 : bottom + 14}, drawing, short(value) + " s");
  }
}

// ---------------------------------------------------------------- the box of what is pointed at

const hoverBox = byId("hover");

function showBox(lines, target) {
  hoverBox.replaceChildren(...lines.map((line) => element("div", line)));
  hoverBox.hidden = false;
  const at = target.getBoundingClientRect();
  const room = document.documentElement;
  const left = Math.min(Math.max(4, at.left), room.clientWidth - hoverBox.offsetWidth - 4);
  const below = at.bottom + 6;
  const fits = below + hoverBox.offsetHeight <= room.clientHeight - 4;
  hoverBox.style.left = Math.max(4, left) + "px";
  hoverBox.style.top = Math.max(4, fits ? below : at.top - hoverBox.offsetHeight - 6) + "px";
}

function explain(target, lines) {
  const show = () => showBox(lines(), target);
  const hide = () => { hoverBox.hidden = true; };
  for (const [event, does] of [["pointerenter", show], ["focus", show], ["pointerleave", hide], ["blur", hide]])
    target.addEventListener(event, does);
}
