"use strict";
// Sorting: every heading of a table becomes a button; nothing is lost without this script.
const collator = new Intl.Collator("en", { numeric: true });

function key(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = parseFloat(text.replace(/\u2212/g, "-").replace(/[,<]/g, "").replace(/^ *\./, "0."));
  return { text, number };
}

function compare(a, b) {
  if (Number.isNaN(a.number) !== Number.isNaN(b.number)) return Number.isNaN(a.number) ? 1 : -1;
  return Number.isNaN(a.number) ? collator.compare(a.text, b.text) : a.number - b.number;
}

function sort(table, column, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => [key(row, column), row]);
  keyed.sort(([a], [b]) => {
    const absent = Number(Number.isNaN(a.number)) - Number(Number.isNaN(b.number));
    return absent || (down ? -1 : 1) * compare(a, b);
  });
  body.append(...keyed.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(heading.firstChild);
    heading.prepend(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(table, column, heading));
  });
}

// The numbers of a figure as a file.
for (const text of document.querySelectorAll("pre[data-file]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = `Save ${text.dataset.file}`;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text.textContent], { type: "text/csv" }));
    link.download = text.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  text.after(button);
}

// What is wider than its frame says so.
const frames = new ResizeObserver((seen) => {
  for (const { target } of seen) target.classList.toggle("wide", target.scrollWidth > target.clientWidth);
});
for (const frame of document.querySelectorAll(".scroll, .paper")) frames.observe(frame);

// A link into something folded unfolds it; printing unfolds what belongs on paper.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
if (location.hash) unfold();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details.print:not([open]), .claims details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
