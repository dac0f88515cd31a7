// The drawings of the page, in SVG made of elements: what comes from the data is text there, and
// never markup. Runs behind page.js, whose names it uses.

const ROW = 18;
const AXIS = 26;

// ---------------------------------------------------------------- the timeline

const ORDERS = {
  number: (a, b) => a.step - b.step || a.number - b.number,
  start: (a, b) => a.started_unix_s - b.started_unix_s,
  seconds: (a, b) => b.seconds - a.seconds,
};
const began = (task) => task.started_unix_s - data.started;
const ended = (task) => began(task) + task.seconds;
const ownCalls = new Map(data.tasks.map((task) => [task.name, data.calls.filter((call) => call.name === task.name)]));
const coordinators = data.calls.filter((call) => call.kind === "coordinator");
const coldStart = (call) => began(call) - (call.init_s ?? 0);
const whole = [
  Math.min(0, ...data.tasks.map(began), ...data.calls.map(coldStart)),
  Math.max(data.seconds, ...data.tasks.map(ended), ...data.calls.map(ended)) || 1,
];
let shown = whole; // the seconds that the timeline has in view

const margin = (drawing) => (drawing.clientWidth < 500 ? 78 : 100);

function drawTimeline() {
  const tasks = [...data.tasks].sort(ORDERS[byId("order").value]);
  const axis = canvas(byId("axis"), AXIS, "seconds since the job's start");
  const lanes = lanesOf(coordinators);
  const high = (tasks.length + lanes.length) * ROW;
  const rows = canvas(byId("bars"), high + 4, "mappers, reducers and coordinators over time");
  const left = margin(rows);
  const place = scale(...shown, left, rows.clientWidth - 24);
  secondsAxis(axis, place, shown, AXIS - 4, AXIS, true);
  secondsAxis(rows, place, shown, 0, high, true);
  const clip = svg("clipPath", {id: "inside"}, rows);
  svg("rect", {x: left, y: 0, width: rows.clientWidth - left - 12, height: high + 4}, clip);
  tasks.forEach((task, number) => drawBar(rows, task, number * ROW, place));
  lanes.forEach((calls, number) => drawLane(rows, calls, (tasks.length + number) * ROW, place));
}

// Calls on as few rows as they need, none over another.
function lanesOf(calls) {
  const lanes = [];
  for (const call of [...calls].sort((a, b) => coldStart(a) - coldStart(b))) {
    const free = lanes.find((lane) => ended(lane.at(-1)) <= coldStart(call));
    if (free) free.push(call); else lanes.push([call]);
  }
  return lanes;
}

function drawLane(rows, calls, top, place) {
  const group = svg("g", {class: "lane"}, rows);
  svg("text", {class: "label", x: margin(rows) - 8, y: top + 13}, group, "coordinators");
  for (const call of calls) drawCall(group, call, top, place, "coordinator");
}

// A call as a bar, with the start-up of a cold one before it.
function drawCall(group, call, top, place, kind) {
  if (call.init_s) drawSpan(group, "cold", coldStart(call), began(call), top, place, () => [call.name, "cold start, " + seconds(call.init_s)]);
  const name = call.outcome === "failed" ? "failed" : kind;
  drawSpan(group, name, began(call), ended(call), top, place, () => [call.name, "start " + seconds(began(call)) + ", duration " + seconds(call.seconds), call.outcome]);
}

function drawSpan(group, kind, from, to, top, place, lines) {
  const width = Math.max(2, place(to) - place(from));
  const made = svg("rect", {class: "area " + kind, x: place(from), y: top + 3, width, height: ROW - 5, rx: 2, "clip-path": "url(#inside)"}, group);
  explain(made, lines);
}

function drawBar(rows, task, top, place) {
  const name = isSlow.has(task.name) ? "straggler" : task.step ? "reducer" : "mapper";
  const group = svg("g", {class: "bar " + name + (onPath.has(task.name) ? " path" : ""), tabindex: 0, role: "img", "aria-label": task.name}, rows);
  svg("text", {class: "label", x: margin(rows) - 8, y: top + 13}, group, task.name);
  for (const call of ownCalls.get(task.name)) {
    if (call.outcome === "failed") drawCall(group, call, top, place, "failed");
    else if (call.init_s) drawSpan(group, "cold", coldStart(call), began(call), top, place, () => [call.name, "cold start, " + seconds(call.init_s)]);
  }
  const x = place(began(task));
  svg("rect", {x, y: top + 3, width: Math.max(2, place(ended(task)) - x), height: ROW - 5, rx: 2, "clip-path": "url(#inside)"}, group);
  explain(group.lastChild, () => taskLines(task));
  group.addEventListener("focus", () => showBox(taskLines(task), group.lastChild));
  group.addEventListener("blur", () => { hoverBox.hidden = true; });
}

function taskLines(task) {
  return [
    task.name,
    "start " + seconds(began(task)) + ", duration " + seconds(task.seconds),
    "read " + mega(task.input_bytes) + ", wrote " + mega(task.output_bytes),
    counted(task.lines, task.step ? "pair" : "row") + ", memory " + memory(task.memory_kib),
    ...(isSlow.has(task.name) ? ["a straggler"] : []),
    ...(onPath.has(task.name) ? ["the result waited for it"] : []),
  ];
}

// ---------------------------------------------------------------- the overview

const OVERVIEW = 90;

// How many of some tasks are at work over the seconds: [second, count], as steps.
function atWork(tasks) {
  const changes = tasks.flatMap((task) => [[began(task), 1], [ended(task), -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let count = 0;
  return changes.flatMap(([second, change]) => [[second, count], [second, (count += change)]]);
}

function drawOverview() {
  const drawing = canvas(byId("overview"), OVERVIEW, "how many were at work over the whole job");
  const [left, right, bottom] = [margin(drawing), drawing.clientWidth - 24, OVERVIEW - 20];
  const place = scale(...whole, left, right);
  const kinds = [["mapper", data.tasks.filter((task) => !task.step)], ["reducer", data.tasks.filter((task) => task.step)], ["coordinator", coordinators]]
    .map(([name, tasks]) => [name, atWork(tasks)]).filter(([, steps]) => steps.length);
  const most = Math.max(1, ...kinds.flatMap(([, steps]) => steps.map(([, count]) => count)));
  const height = scale(0, most, bottom, 8);
  secondsAxis(drawing, place, whole, 4, bottom, false);
  svg("text", {class: "label", x: left - 8, y: 18}, drawing, counted(most, "task"));
  svg("text", {class: "label", x: left - 8, y: bottom}, drawing, "at work");
  for (const [name, steps] of kinds) {
    const points = steps.map(([second, count]) => place(second).toFixed(1) + "," + height(count).toFixed(1));
    svg("polygon", {class: "area " + name, points: [place(steps[0][0]) + "," + bottom, ...points].join(" ")}, drawing);
  }
  if (shown !== whole)
    svg("rect", {class: "window", x: place(shown[0]), y: 4, width: place(shown[1]) - place(shown[0]), height: bottom - 4}, drawing);
  dragged(drawing, scale(left, right, ...whole), place, bottom);
}

// Dragging across the overview shows those seconds; a click shows all again.
function dragged(drawing, second, place, bottom) {
  const within = (event) => Math.min(whole[1], Math.max(whole[0], second(event.clientX - drawing.getBoundingClientRect().left)));
  let from = null;
  let mark = null;
  drawing.addEventListener("pointerdown", (event) => {
    from = within(event);
    drawing.setPointerCapture(event.pointerId);
    mark = svg("rect", {class: "window", y: 4, height: bottom - 4, width: 0}, drawing);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const ends = [from, within(event)].map(place).sort((a, b) => a - b);
    mark.setAttribute("x", ends[0]);
    mark.setAttribute("width", ends[1] - ends[0]);
  });
  drawing.addEventListener("pointerup", (event) => {
    const ends = [from, within(event)].sort((a, b) => a - b);
    shown = place(ends[1]) - place(ends[0]) < 4 ? whole : ends;
    drawOverview();
    drawTimeline();
  });
}

// ---------------------------------------------------------------- durations and groups

const CHART = 300;

function drawDurations() {
  const times = data.tasks.filter((task) => !task.step).map((task) => task.seconds);
  const drawing = canvas(byId("durations"), CHART, "durations of the mappers");
  const most = Math.max(...times) || 1;
  const bins = Math.min(30, Math.max(4, Math.ceil(Math.sqrt(times.length))));
  const counts = Array(bins).fill(0);
  for (const time of times) counts[Math.min(bins - 1, Math.floor(time / most * bins))]++;
  const [top, bottom] = [10, CHART - 24];
  const across = scale(0, bins, 40, drawing.clientWidth - 24);
  const height = scale(0, Math.max(...counts, 1), bottom, top);
  for (const value of ticks(0, Math.max(...counts), 5).filter(Number.isInteger)) {
    svg("line", {class: "grid", x1: 40, x2: drawing.clientWidth - 24, y1: height(value), y2: height(value)}, drawing);
    svg("text", {class: "label", x: 34, y: height(value) + 4}, drawing, count(value));
  }
  secondsAxis(drawing, (value) => across(value / most * bins), [0, most], bottom, bottom, false);
  counts.forEach((number, bin) => {
    const column = svg("rect", {class: "area mapper", x: across(bin) + 1, y: height(number), width: across(bin + 1) - across(bin) - 2, height: bottom - height(number)}, drawing);
    explain(column, () => [short(bin * most / bins) + " to " + short((bin + 1) * most / bins) + " s", counted(number, "mapper")]);
  });
}

function drawGroups() {
  const rows = data.largest_groups;
  if (!rows.length) { byId("groups").textContent = "The values of this job are not numbers."; return; }
  const drawing = canvas(byId("groups"), rows.length * 20, "the largest groups");
  const values = rows.map((row) => row[1]);
  const left = Math.min(180, drawing.clientWidth * 0.4);
  const place = scale(Math.min(0, ...values), Math.max(0, ...values), left, drawing.clientWidth - 90);
  rows.forEach(([key, value], number) => {
    const [x, end] = [place(0), place(value)].sort((a, b) => a - b);
    svg("text", {class: "label", x: left - 8, y: number * 20 + 14}, drawing, clipped(key, Math.floor((left - 8) / 6.5)));
    const bar = svg("rect", {class: "area reducer", x, y: number * 20 + 3, width: Math.max(1, end - x), height: 14}, drawing);
    svg("text", {class: "value", x: end + 6, y: number * 20 + 14}, drawing, value.toLocaleString("en-US", {maximumSignificantDigits: 7}));
    explain(bar, () => [clipped(key, HOVER_LETTERS), String(value)]);
  });
}

// ---------------------------------------------------------------- all of it

function draw() {
  drawOverview();
  drawTimeline();
  drawDurations();
  drawGroups();
}

draw();
byId("order").addEventListener("change", drawTimeline);
let wide = document.documentElement.clientWidth;
window.addEventListener("resize", () => {
  if (wide === document.documentElement.clientWidth) return;
  wide = document.documentElement.clientWidth;
  draw();
});
