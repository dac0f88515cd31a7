// Nodes that are alike, of one family and equally far from the first cause, fold into one box. What
// failed stays by itself.

const FOLDED = 8; // more than so many fold
const unfolded = new Set();

const foldOf = (node) => (node.family && !node.error ? node.kind + " " + node.family + " " + node.rank : "");
const members = Map.groupBy(data.nodes.filter(foldOf), foldOf);
const canFold = (node) => (members.get(foldOf(node))?.length ?? 0) > FOLDED;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const duration = (node) => node.end - node.start;
const time = (ms) => (ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + " s");

// A box of the drawings: a node, or many. `nodes` are those in it.
function boxOf(nodes, fold) {
  const [first] = nodes;
  if (nodes.length === 1) return {...first, nodes, fold: "", ms: duration(first), title: titleOf(first)};
  const ms = median(nodes.map(duration));
  const label = first.family + " x " + count(nodes.length);
  const title = first.kind === "invocation" ? label + ", median " + time(ms) : label;
  const [start, end] = [Math.min(...nodes.map((node) => node.start)), Math.max(...nodes.map((node) => node.end))];
  return {...first, nodes, fold, ms, label: title, title, start, end, note: ""};
}

function titleOf(node) {
  const said = node.error || node.note;
  return node.label + (node.kind === "invocation" ? ", " + time(duration(node)) : "") + (said ? ": " + said : "");
}

// All boxes, in the order in which they began.
function boxes() {
  const seen = new Set();
  return data.nodes.flatMap((node) => {
    const fold = foldOf(node);
    if (!canFold(node) || unfolded.has(fold)) return [boxOf([node], "")];
    if (seen.has(fold)) return [];
    seen.add(fold);
    return [boxOf(members.get(fold), fold)];
  });
}

// The edges between boxes: those of a kind between the same two are one.
function joined(shown) {
  const places = [];
  shown.forEach((box, place) => box.nodes.forEach((node) => { places[numberOf.get(node.id)] = place; }));
  const found = new Map();
  for (const [source, target, kind, ms, failed, times] of data.edges) {
    const [from, to] = [places[source], places[target]];
    const key = [from, to, kind].join(" ");
    const edge = found.get(key) ?? {from, to, kind, ms: 0, count: 0, failed: false};
    found.set(key, {...edge, ms: Math.max(edge.ms, ms), count: edge.count + times, failed: edge.failed || failed});
  }
  return [...found.values()];
}
