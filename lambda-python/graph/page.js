// The records of what was clicked, and what folds and unfolds. Runs before the drawings.

data.nodes = data.nodes.map((node) => ({family: "", error: "", note: "", ...node}));
const details = byId("details");
const numberOf = new Map(data.nodes.map((node, number) => [node.id, number]));
const first = Math.min(...data.nodes.map((node) => node.start));
let chosen = null; // the id of the node whose records are shown

// The time of day in UTC, to the millisecond.
const clock = (ms) => new Date(ms).toISOString().slice(11, 23);

function cells(row) {
  const [ts, ms, , ...texts] = row;
  const [request, operation, ...others] = texts.map((number) => data.texts[number]);
  return [clock(ts), request, operation, Math.round(ms) + " ms", ...others];
}

const HEADINGS = ["time (UTC)", data.columns[0], data.columns[1], "took", ...data.columns.slice(2)];
const ERROR = HEADINGS.indexOf("error");
const FAILED = 1;
const LOST = 2;

function recordRow(number) {
  const row = data.records[number];
  const made = element("tr");
  cells(row).forEach((text, column) => {
    const shown = element("td", column === ERROR && row[2] === LOST ? "lost claim: another was first" : text, made);
    if (column === 0) shown.title = new Date(row[0]).toISOString();
    if (column === ERROR && row[2] === FAILED) shown.className = "failed";
  });
  return made;
}

function show(box) {
  const [node] = box.nodes;
  chosen = node.id;
  byId("node").textContent = titleOf({...node, error: "", note: ""}) + " (" + node.kind + " " + node.id + ")";
  byId("error").textContent = node.error;
  byId("note").textContent = node.note;
  byId("records").tBodies[0].replaceChildren(...node.records.map(recordRow));
  byId("fold").hidden = !canFold(node);
  byId("fold").textContent = "fold " + (members.get(foldOf(node))?.length ?? 0) + " alike";
  details.hidden = false;
  mark();
}

// A box of many unfolds; a box of one shows its records.
function open(box) {
  if (!box.fold) return show(box);
  unfolded.add(box.fold);
  draw();
}

function mark() {
  const number = chosen === null ? "" : String(numberOf.get(chosen));
  for (const node of document.querySelectorAll("[data-node]")) node.classList.toggle("chosen", node.dataset.node === number);
  for (const edge of document.querySelectorAll(".edge")) edge.classList.toggle("near", number !== "" && [edge.dataset.from, edge.dataset.to].includes(number));
}

function close() {
  details.hidden = true;
  chosen = null;
  mark();
}

const heading = byId("records").tHead.rows[0];
HEADINGS.forEach((name) => element("th", name, heading));
byId("close").addEventListener("click", close);
byId("fold").addEventListener("click", () => {
  unfolded.delete(foldOf(data.nodes[numberOf.get(chosen)]));
  close();
  draw();
});
byId("all").addEventListener("click", () => {
  unfolded.clear();
  draw();
});
byId("reads").addEventListener("change", (event) => byId("graph").classList.toggle("no-reads", !event.target.checked));
