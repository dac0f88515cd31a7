"use strict";
// Shows the records of the node that was clicked, and what it is joined to.
(() => {
  const COLUMNS = ["ts", "requestID", "eventOp", "eventSource", "message", "duration", "error",
    "caller", "thisFnARN", "region", "accountID", "sourceIP", "awsRequestID"];
  const FINE = "SpotWrapPython";
  const nodes = JSON.parse(document.getElementById("data").textContent);
  const details = document.getElementById("details");
  const table = document.getElementById("records");

  function cell(kind, text) {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  function row(record) {
    const made = document.createElement("tr");
    for (const name of COLUMNS) {
      const shown = cell("td", record[name] ?? "");
      if (name === "ts") shown.title = new Date(Number(record.ts)).toISOString();
      if (name === "error" && record.error !== FINE) shown.className = "failed";
      made.append(shown);
    }
    return made;
  }

  function mark(number) {
    for (const node of document.querySelectorAll("[data-node]"))
      node.classList.toggle("chosen", node.dataset.node === number);
    for (const edge of document.querySelectorAll(".edge"))
      edge.classList.toggle("near", [edge.dataset.from, edge.dataset.to].includes(number));
  }

  function show(number) {
    const node = nodes[Number(number)];
    document.getElementById("node").textContent = `${node.title} (${node.kind} ${node.id})`;
    document.getElementById("error").textContent = node.error;
    table.tBodies[0].replaceChildren(...node.records.map(row));
    details.hidden = false;
    mark(number);
  }

  table.tHead.append(...COLUMNS.map((name) => cell("th", name)));
  for (const node of document.querySelectorAll("[data-node]")) {
    node.addEventListener("click", () => show(node.dataset.node));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      show(node.dataset.node);
    });
  }
  document.getElementById("close").addEventListener("click", () => {
    details.hidden = true;
    mark("");
  });
  document.getElementById("reads").addEventListener("change", (event) => {
    document.getElementById("graph").classList.toggle("no-reads", !event.target.checked);
  });
})();
