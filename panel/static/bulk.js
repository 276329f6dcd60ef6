// Bulk edit: a field's input is there once somebody chose what to do with the field.
"use strict";

const TAKES_VALUE = new Set(["set", "add", "remove"]);
for (const row of document.querySelectorAll("[data-bulk-field]")) {
  const how = row.querySelector("[data-bulk-how]");
  const value = row.querySelector("[data-bulk-value]");
  const show = () => { value.hidden = !TAKES_VALUE.has(how.value); };
  how.addEventListener("change", () => {
    show();
    if (!value.hidden) value.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  });
  show();
}

// The tick in a table's head ticks the lines of this page
for (const head of document.querySelectorAll("[data-tick-all]")) {
  const boxes = () => head.closest("table").querySelectorAll("tbody input[type=checkbox]");
  head.addEventListener("change", () => boxes().forEach((box) => { box.checked = head.checked; }));
}
