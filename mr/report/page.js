// The page of one finished job: words and tables, out of the JSON of #data (page.facts). What comes
// from the data is set as text.
const onPath = new Set(data.critical_path);
const isSlow = new Set(data.stragglers);
const HOVER_LETTERS = 120;
const seconds = (value) => value.toFixed(2) + " s";
const mega = (value) => (value / 1e6).toFixed(2) + " MB";
const memory = (kibibytes) => (kibibytes / 1024).toFixed(0) + " MiB";
const dollars = (value) => "$" + (value >= 1 ? value.toFixed(2) : value.toPrecision(3));

// ---------------------------------------------------------------- words and numbers

function fillHeader() {
  byId("title").textContent = "Job " + data.job_id;
  byId("where").textContent = data.result;
  byId("job").textContent = (data.question ? "Asked: " + data.question + " \u2013 " : "") + data.jobs.map((one) => "Ran job " + one.job + ", SHA-256 " + (one.jobdigest || "unknown")).join("; ");
  const tiles = {
    "Start to result": seconds(data.seconds), "Rows": count(data.lines), "Groups": count(data.groups),
    "Bad rows": count(data.bad_rows), "Mappers": count(data.tasks.filter((task) => !task.step).length),
    "Reducers": count(data.tasks.filter((task) => task.step).length),
    "Estimated cost": dollars(data.cost.dollars),
  };
  for (const [name, value] of Object.entries(tiles)) {
    const tile = element("div", undefined, byId("tiles"));
    element("dt", name, tile);
    element("dd", value, tile);
  }
}

function pathSteps() {
  let before = data.started;
  return data.critical_path.map((name) => {
    const task = data.tasks.find((one) => one.name === name);
    const waited = Math.max(0, task.started_unix_s - before);
    before = task.started_unix_s + task.seconds;
    return seconds(waited) + " until " + name + " began, " + seconds(task.seconds) + " in it";
  });
}

function fillWords() {
  byId("path").textContent = "Critical path, what the result waited for: " + pathSteps().join(", ") + ".";
  byId("stragglers").textContent = data.stragglers.length
    ? "Stragglers, which took more than twice the median of their step: " + data.stragglers.join(", ") + "."
    : "No stragglers: nobody waited much longer for one task than for the others of its step.";
  const bad = byId("bad");
  if (!data.bad_row) { bad.textContent = "None: every row could be read."; return; }
  bad.textContent = count(data.bad_rows) + " of " + counted(data.lines, "row") + ". One of them, in object " + data.bad_row.object + ": ";
  element("code", data.bad_row.row, bad);
}

function fillCost() {
  const table = byId("cost");
  const row = (cells, kind) => { const made = element("tr", undefined, table); cells.forEach((cell) => element(kind, cell, made)); };
  row(["what", "quantity", "", "dollars"], "th");
  for (const item of data.cost.items)
    row([item.what, item.quantity.toLocaleString("en-US", {maximumFractionDigits: 3}), item.unit, dollars(item.dollars)], "td");
  row(["total", "", "", dollars(data.cost.dollars)], "td");
  byId("prices").textContent = "As of " + new Date(data.cost.as_of * 1000).toISOString().slice(0, 19).replace("T", " ") + " UTC. Prices of " + data.cost.prices + ". " + data.functions.map((one) => one.role + ": " + counted(one.calls, "call") + ", " + seconds(one.seconds) + " of " + one.memory_mb + " MB" + (one.note ? " (" + one.note + ")" : "")).join("; ") + ".";
}

// ---------------------------------------------------------------- the table
const COLUMNS = [
  ["task", (task) => task.step * 1e9 + task.number, (task) => task.name],
  ["start", (task) => task.started_unix_s, (task) => seconds(task.started_unix_s - data.started)],
  ["duration", (task) => task.seconds, (task) => seconds(task.seconds)],
  ["read", (task) => task.input_bytes, (task) => mega(task.input_bytes)],
  ["written", (task) => task.output_bytes, (task) => mega(task.output_bytes)],
  ["rows or pairs", (task) => task.lines, (task) => count(task.lines)],
  ["groups", (task) => task.groups, (task) => count(task.groups)],
  ["bad rows", (task) => task.errors, (task) => count(task.errors)],
  ["memory", (task) => task.memory_kib, (task) => memory(task.memory_kib)],
];

function fillTasks() {
  const table = byId("tasks");
  const heading = element("tr", undefined, element("thead", undefined, table));
  const body = element("tbody", undefined, table);
  const draw = (tasks) => body.replaceChildren(...tasks.map(taskRow));
  COLUMNS.forEach(([name, value]) => {
    const head = element("th", undefined, heading);
    element("button", name, head).addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heading.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      draw([...data.tasks].sort((a, b) => (rising ? 1 : -1) * (value(a) - value(b))));
    });
  });
  draw(data.tasks);
}

function taskRow(task) {
  const row = element("tr");
  if (isSlow.has(task.name)) row.classList.add("straggler");
  if (onPath.has(task.name)) row.classList.add("path");
  COLUMNS.forEach(([, , text]) => element("td", text(task), row));
  return row;
}

fillHeader();
fillWords();
fillCost();
fillTasks();
