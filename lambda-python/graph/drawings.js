// The causal graph and the timeline, in SVG. Widths tell durations, colours are those of the style.

const COLUMN = 250;
const LINE = 34;
const HEIGHT = 24;
const MARGIN = 20;
const LETTER = 6.4; // how wide a letter of a label is, about

// A width for a duration: a tenfold time is as much wider everywhere; 100 s has the most.
const widthOf = (ms, least, most) => least + (most - least) * Math.min(1, Math.log10(1 + Math.max(0, ms)) / 5);

// A label shortened to fit: objects differ at their end, functions from the start.
function fitting(box, wide) {
  const letters = Array.from(box.label);
  const most = Math.floor(wide / LETTER);
  if (letters.length <= most) return box.label;
  return box.kind === "object" ? "\u2026" + letters.slice(1 - most).join("") : letters.slice(0, most - 1).join("") + "\u2026";
}

function nodeGroup(box, parent) {
  const kind = box.kind + (box.error ? " failed" : "") + (box.fold ? " folded" : "");
  const made = svg("g", {class: "node " + kind, "data-node": numberOf.get(box.id), tabindex: 0, role: "button", "aria-label": box.title}, parent);
  svg("title", {}, made, box.title);
  made.addEventListener("click", () => open(box));
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open(box);
  });
  return made;
}

// ---------------------------------------------------------------- the graph

// Where each box stands: a column for each rank, near the middle of its causes.
function layout(shown, edges) {
  const causes = shown.map(() => []);
  for (const edge of edges) if (edge.from !== edge.to) causes[edge.to].push(edge.from);
  const places = [];
  const columns = Map.groupBy(shown.keys(), (place) => shown[place].rank);
  for (const rank of [...columns.keys()].sort((a, b) => a - b)) {
    const wish = (place) => {
      const tops = causes[place].map((cause) => places[cause]?.top).filter((top) => top !== undefined);
      return tops.length ? tops.reduce((a, b) => a + b) / tops.length : 0;
    };
    const column = [...columns.get(rank)].map((place) => [wish(place), place]).sort((a, b) => a[0] - b[0]);
    column.forEach(([, place], row) => {
      const box = shown[place];
      const wide = box.fold ? 200 : box.kind === "invocation" ? widthOf(box.ms, 110, 190) : 160;
      places[place] = {left: MARGIN + rank * COLUMN, top: MARGIN + row * LINE, wide};
    });
  }
  return places;
}

function drawGraph(shown) {
  const edges = joined(shown);
  const places = layout(shown, edges);
  const wide = Math.max(...places.map((place) => place.left + place.wide)) + MARGIN;
  const high = Math.max(...places.map((place) => place.top)) + LINE + MARGIN;
  const drawing = svg("svg", {width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "group", "aria-label": "causal graph"});
  // Reads first: what caused what is drawn over them.
  for (const edge of [...edges].sort((a, b) => (b.kind === "read") - (a.kind === "read"))) drawEdge(drawing, edge, shown, places);
  shown.forEach((box, number) => {
    const {left, top, wide: across} = places[number];
    const made = nodeGroup(box, drawing);
    if (box.fold) svg("rect", {class: "behind", x: left + 4, y: top + 4, width: across, height: HEIGHT, rx: 3}, made);
    svg("rect", {x: left, y: top, width: across, height: HEIGHT, rx: box.kind === "invocation" ? 3 : HEIGHT / 2}, made);
    svg("text", {x: left + 8, y: top + 16}, made, fitting(box, across - 16));
  });
  byId("graph").replaceChildren(drawing);
}

function drawEdge(drawing, edge, shown, places) {
  const [from, to] = [places[edge.from], places[edge.to]];
  const [x1, y1, x2, y2] = [from.left + from.wide, from.top + HEIGHT / 2, to.left, to.top + HEIGHT / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  const made = svg("path", {
    class: "edge " + edge.kind + (edge.failed ? " failed" : ""), "stroke-width": widthOf(edge.ms, 1, 6).toFixed(1),
    "data-from": numberOf.get(shown[edge.from].id), "data-to": numberOf.get(shown[edge.to].id),
    d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`,
  }, drawing);
  const name = edge.kind === "lost" ? "lost claim" : edge.kind;
  svg("title", {}, made, name + (edge.count > 1 ? " x " + count(edge.count) : "") + ", " + time(edge.ms));
}

// ---------------------------------------------------------------- the timeline

const LABEL = 190;
const BAR = 20;

function drawTimeline(shown) {
  const rows = shown.filter((box) => box.kind === "invocation");
  const range = [0, Math.max(1, ...rows.map((box) => box.end - first)) / 1000];
  const high = MARGIN + rows.length * BAR + 4;
  const drawing = canvas(byId("timeline"), high, "timeline");
  const place = scale(...range, LABEL, Math.max(LABEL + 200, drawing.clientWidth - 40));
  secondsAxis(drawing, place, range, MARGIN, high, true);
  rows.forEach((box, number) => drawBar(drawing, box, MARGIN + number * BAR, (ms) => place((ms - first) / 1000)));
}

function drawBar(drawing, box, top, place) {
  const made = nodeGroup(box, drawing);
  // The whole row can be clicked, however short the bar.
  svg("rect", {class: "row", x: 0, y: top, width: drawing.getAttribute("width"), height: BAR}, made);
  svg("text", {class: "label", x: LABEL - 8, y: top + 14}, made, fitting(box, LABEL - 16));
  for (const node of box.nodes)
    svg("rect", {x: place(node.start), y: top + 2, width: Math.max(2, place(node.end) - place(node.start)), height: BAR - 5, rx: 2}, made);
  if (!box.fold) drawCalls(made, box.nodes[0], top, place);
}

function drawCalls(bar, node, top, place) {
  for (const [ts, ms, state, request] of node.records.map((number) => data.records[number])) {
    if (data.texts[request] !== node.id) continue;
    const width = Math.max(1, place(ts + ms) - place(ts));
    svg("rect", {class: "call" + (state === FAILED ? " failed" : ""), x: place(ts), y: top + 7, width, height: BAR - 15}, bar);
  }
}

function draw() {
  const shown = boxes();
  drawGraph(shown);
  drawTimeline(shown);
  byId("all").hidden = unfolded.size === 0;
  mark();
}

draw();
window.addEventListener("resize", () => drawTimeline(boxes()));
