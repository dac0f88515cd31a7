// The page of an experiment, out of the JSON of #data: its settings, by their median time.

const ROW = 30;
const BOTTOM = 26;
const money = (value) => "$" + (value >= 1 ? value.toFixed(2) : value.toPrecision(3));
const UNITS = {seconds: (value) => short(value) + " s", dollars: money};
const margin = (drawing) => Math.min(280, drawing.clientWidth * 0.4);

function rangeOf(what) {
  const values = data.flatMap((one) => one.runs.map((run) => run[what]));
  return [0, Math.max(...values) || 1];
}

function axis(drawing, place, range, top, bottom, unit) {
  for (const value of ticks(...range, Math.max(2, (drawing.clientWidth - margin(drawing)) / 90))) {
    svg("line", {class: "grid", x1: place(value), x2: place(value), y1: top, y2: bottom}, drawing);
    svg("text", {class: "tick", x: place(value), y: bottom + 16}, drawing, unit(value));
  }
}

function dot(drawing, x, y, lines) {
  const made = svg("circle", {class: "dot", cx: x, cy: y, r: 5, tabindex: 0, role: "img", "aria-label": lines.join(", ")}, drawing);
  explain(made, () => lines);
}

const linesOf = (one, run) => [one.name, "run " + run.run, UNITS.seconds(run.seconds) + ", " + UNITS.dollars(run.dollars)];

// A row a setting: its runs as dots, the interval as a band, the median as a line.
function drawRows(what) {
  const bottom = data.length * ROW;
  const drawing = canvas(byId(what), bottom + BOTTOM, what + " of each run");
  const [left, range] = [margin(drawing), rangeOf(what)];
  const place = scale(...range, left, drawing.clientWidth - 40);
  axis(drawing, place, range, 0, bottom, UNITS[what]);
  data.forEach((one, number) => {
    const middle = number * ROW + ROW / 2;
    const {median, low, high} = one[what];
    svg("text", {class: "label", x: left - 10, y: middle + 4}, drawing, clipped(one.name, Math.floor((left - 10) / 6.8)));
    svg("rect", {class: "band", x: place(low), y: middle - 8, width: Math.max(2, place(high) - place(low)), height: 16, rx: 3}, drawing);
    for (const run of one.runs) dot(drawing, place(run[what]), middle, linesOf(one, run));
    svg("line", {class: "median", x1: place(median), x2: place(median), y1: middle - 11, y2: middle + 11}, drawing);
  });
}

function drawBoth() {
  const drawing = canvas(byId("both"), 360, "seconds and dollars of each setting");
  const [left, bottom, across, up] = [70, 360 - BOTTOM, rangeOf("seconds"), rangeOf("dollars")];
  const [x, y] = [scale(...across, left, drawing.clientWidth - 40), scale(...up, bottom, 12)];
  axis(drawing, x, across, 0, bottom, UNITS.seconds);
  for (const value of ticks(...up, 6)) {
    svg("line", {class: "grid", x1: left, x2: drawing.clientWidth - 40, y1: y(value), y2: y(value)}, drawing);
    svg("text", {class: "label", x: left - 8, y: y(value) + 4}, drawing, money(value));
  }
  for (const one of data) {
    const [cx, cy] = [x(one.seconds.median), y(one.dollars.median)];
    dot(drawing, cx, cy, [one.name, UNITS.seconds(one.seconds.median) + ", " + money(one.dollars.median)]);
    const toLeft = cx > drawing.clientWidth * 0.6;
    svg("text", {x: cx + (toLeft ? -9 : 9), y: cy + 4, "text-anchor": toLeft ? "end" : "start"}, drawing, clipped(one.name, 32));
  }
}

function fillTable() {
  const row = (cells, kind) => { const made = element("tr", undefined, byId("figures")); cells.forEach((cell) => element(kind, cell, made)); };
  row(["setting", "runs", "seconds", "from", "to", "dollars", "from", "to"], "th");
  for (const one of data) {
    const [time, price] = [one.seconds, one.dollars];
    row([one.name, one.runs.length, ...[time.median, time.low, time.high].map((value) => value.toFixed(2)), ...[price.median, price.low, price.high].map(money)], "td");
  }
}

function fillBest() {
  const [fastest] = data;
  const cheapest = [...data].sort((a, b) => a.dollars.median - b.dollars.median)[0];
  byId("best").textContent = "Fastest: " + fastest.name + ", " + fastest.seconds.median.toFixed(2) + " s. Cheapest: " + cheapest.name + ", " + money(cheapest.dollars.median) + " a run.";
}

function draw() {
  drawRows("seconds");
  drawRows("dollars");
  drawBoth();
}

if (data.length) {
  fillBest();
  fillTable();
  draw();
  window.addEventListener("resize", draw);
}
