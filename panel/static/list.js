// The list of customers: its selection across pages, filters, columns and keys. The list is swapped without loading
// the page, so that listeners sit on the document and read what is there now.
"use strict";

const list = () => document.getElementById("list");
const rows = () => all("tr[data-row]", list());

// Selection: the IDs ticked in this tab, or `whole` for everything in the filter; another filter starts anew
const KEPT = "rollbook-selection";
let lastTick = null;

function selection() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "{}");
  const narrowing = list().dataset.list;
  return kept.narrowing === narrowing ? kept : { narrowing, ids: [], whole: false };
}

function select(ids, whole = false) {
  const kept = { narrowing: list().dataset.list, ids: [...new Set(ids)], whole };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  showSelection();
}

function showSelection() {
  const { ids, whole } = selection();
  const chosen = new Set(ids);
  const ticks = all("[data-tick]", list());
  for (const tick of ticks) {
    tick.checked = whole || chosen.has(tick.value);
    tick.closest("tr").classList.toggle("table-active", tick.checked);
  }
  const head = list().querySelector("[data-tick-all]");
  if (!head) return;
  const ticked = ticks.filter((tick) => tick.checked).length;
  head.checked = ticked > 0 && ticked === ticks.length;
  head.indeterminate = ticked > 0 && ticked < ticks.length;
  showBar(ids.length, whole);
}

function showBar(number, whole) {
  const bar = list().querySelector("[data-selected]");
  const every = bar.querySelector("[data-select-whole]");
  bar.hidden = !whole && number === 0;
  const words = whole ? bar.dataset.wholeWords : bar.dataset.words.replace("{}", number.toLocaleString());
  bar.querySelector("[data-selected-count]").textContent = words;
  every.hidden = whole || number >= Number(list().dataset.total);
  bar.querySelector("[data-select-none]").hidden = false;
}

function tick(box, event) {
  const { ids, whole } = selection();
  const boxes = all("[data-tick]", list());
  const before = whole ? boxes.map((one) => one.value) : ids;
  const last = boxes.findIndex((one) => one.value === lastTick);
  const at = boxes.indexOf(box);
  const range = event.shiftKey && last >= 0 ? boxes.slice(Math.min(at, last), Math.max(at, last) + 1) : [box];
  const touched = range.map((one) => one.value);
  lastTick = box.value;
  const others = before.filter((id) => !touched.includes(id));
  select(box.checked ? [...others, ...touched] : others);
}

document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.matches("[data-tick]")) tick(target, event);
  if (target.matches("[data-tick-all]")) {
    const here = all("[data-tick]", list()).map((one) => one.value);
    const others = selection().ids.filter((id) => !here.includes(id));
    select(target.checked ? [...others, ...here] : others);
  }
  if (target.closest("[data-select-whole]")) select([], true);
  if (target.closest("[data-select-none]")) select([]);
});

// What is sent: ticks of other pages too, or the query in place of every tick
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-selected]")) return;
  const { ids, whole } = selection();
  all("[data-sent]", form).forEach((old) => old.remove());
  all("[data-tick]", list()).forEach((box) => { box.disabled = true; });
  const values = whole ? [["query", form.querySelector("[data-whole]").dataset.whole]] : ids.map((id) => ["id", id]);
  for (const [name, value] of values) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    input.dataset.sent = "";
    form.append(input);
  }
  setTimeout(() => all("[data-tick]", list()).forEach((box) => { box.disabled = false; }));
});

// Filters: field, comparison and value, put into the address
const filterForm = () => list().querySelector("[data-filter-form]");
// Without a pause after each key, so that whoever types fast and presses Enter has what was typed
const CHOICE = { maxOptions: null, refreshThrottle: 0, onItemAdd: closed };

// Once something is chosen, the options no longer cover what comes below; the next key opens them again
function closed() {
  this.setTextboxValue("");
  setTimeout(() => this.close(false));
}

let changing = null;

function startFilters() {
  const form = filterForm();
  const groups = JSON.parse(form.querySelector("[data-filters]").dataset.filters);
  const field = form.querySelector("[data-filter-field]");
  const operation = form.querySelector("[data-filter-operation]");
  field.replaceChildren(...groups.map((group, place) => new Option(group.label, place)));
  const showOperations = () => {
    const operations = groups[field.value]?.operations || [];
    operation.replaceChildren(...operations.map((one, place) => new Option(one.words, place)));
    showValue(operations[0], []);
  };
  form.chosen = () => groups[field.value].operations[operation.value];
  form.choose = (arg, texts) => {
    const at = groups.findIndex((group) => group.operations.some((one) => one.arg === arg));
    field.tomselect.setValue(String(at), true);
    showOperations();
    operation.value = groups[at].operations.findIndex((one) => one.arg === arg);
    showValue(form.chosen(), texts);
  };
  field.addEventListener("change", () => { if (field.value) showOperations(); });
  operation.addEventListener("change", () => showValue(form.chosen(), []));
  new TomSelect(field, { ...CHOICE, plugins: ["dropdown_input"] });
  showOperations();
}

function showValue(operation, texts) {
  const place = list().querySelector("[data-filter-value]");
  all("select", place).forEach((one) => one.tomselect?.destroy());
  if (!operation) return;
  const input = document.createElement(operation.options ? "select" : "input");
  input.id = "filter-value";
  input.required = true;
  input.className = operation.options ? "form-select" : "form-control";
  if (operation.options) {
    input.multiple = operation.several;
    input.append(...operation.options.map(([value, label]) => new Option(label, value)));
    all("option", input).forEach((one) => { one.selected = texts.includes(one.value); });
    if (!operation.several && !texts.length) input.selectedIndex = 0;
  } else {
    input.type = operation.type || "text";
    if (input.type === "number") input.step = operation.takes === "days" ? "1" : "any";
    if (operation.takes === "days") Object.assign(input, { min: 0, max: 36500, placeholder: place.dataset.days });
    input.value = input.type === "datetime-local" ? (texts[0] || "").replace(" ", "T") : texts[0] || "";
  }
  place.replaceChildren(input);
  if (operation.several || operation.options?.length > 8) {
    new TomSelect(input, { ...CHOICE, plugins: operation.several ? ["remove_button"] : ["dropdown_input"] });
  }
}

function filteredAddress(form) {
  const address = new URL(location.href);
  const params = address.searchParams;
  const operation = form.chosen();
  const input = form.querySelector("#filter-value");
  const texts = operation.several ? [...input.selectedOptions].map((one) => one.value) : [input.value];
  for (const name of ["page", "after", "before", "last"]) params.delete(name);
  if (changing) drop(params, changing.name, changing.texts);
  const name = `flt_${operation.arg}`;
  if (operation.several) params.delete(name);
  texts.forEach((text) => params.append(name, operation.type === "datetime-local" ? text.replace("T", " ") : text));
  return address;
}

function drop(params, name, texts) {
  const others = params.getAll(name).filter((text) => !texts.includes(text));
  params.delete(name);
  others.forEach((text) => params.append(name, text));
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-filter-form]")) return;
  event.preventDefault();
  const address = filteredAddress(event.target);
  document.getElementById("filter-toggle").click();
  open_(address);
});

// Loads only the list anew, as its own links do
function open_(address) {
  const link = Object.assign(document.createElement("a"), { href: address.href, hidden: true });
  list().querySelector(".chips").append(link);
  htmx.process(link);
  link.click();
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-change-filter]");
  if (!chip) return;
  event.stopPropagation();
  const toggle = document.getElementById("filter-toggle");
  if (toggle.getAttribute("aria-expanded") !== "true") toggle.click();
  changing = { name: chip.dataset.changeFilter, texts: JSON.parse(chip.dataset.texts) };
  filterForm().choose(chip.dataset.arg, changing.texts);
  nameFilterButton();
  filterForm().querySelector("#filter-value-ts-control, #filter-value")?.focus();
});

function nameFilterButton() {
  const button = filterForm().querySelector("button[type=submit]");
  button.textContent = changing ? button.dataset.change : button.dataset.add;
}

// A new filter begins with its field, which opens for typing
document.addEventListener("shown.bs.dropdown", (event) => {
  if (event.target.id === "filter-toggle" && !changing) filterForm().querySelector("[data-filter-field]").tomselect.focus();
});
document.addEventListener("hidden.bs.dropdown", (event) => {
  if (event.target.id !== "filter-toggle") return;
  changing = null;
  nameFilterButton();
});

// Columns: dragged, or moved by their buttons
let dragged = null;

document.addEventListener("dragstart", (event) => { dragged = event.target.closest?.("[data-column]") || null; });
document.addEventListener("dragend", () => { dragged = null; });
document.addEventListener("dragover", (event) => {
  const line = event.target.closest?.("[data-column]");
  if (!dragged || !line) return;
  event.preventDefault();
  const box = line.getBoundingClientRect();
  if (line !== dragged) line[event.clientY > box.top + box.height / 2 ? "after" : "before"](dragged);
});
document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const line = button.closest("[data-column]");
  if (button.dataset.move === "up") line.previousElementSibling?.before(line);
  else line.nextElementSibling?.after(line);
  line.scrollIntoView({ block: "nearest" });
  button.focus();
});

// Order and page size are kept for the next time
function rememberFrom(address) {
  const params = new URL(address, location.href).searchParams;
  const kept = new FormData();
  for (const name of ["sort", "desc", "page_size"]) if (params.get(name)) kept.set(name, params.get(name));
  const headers = { "X-CSRFToken": token(), "X-Requested-With": "fetch" };
  fetch(list().dataset.remember, { method: "POST", body: kept, headers, keepalive: true }).catch(() => {});
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#list thead a");
  if (link) rememberFrom(link.href);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("#list select[data-go]")) rememberFrom(event.target.value);
}, true);

// Keys
function step(by) {
  const links = all("[data-open]", list());
  const at = links.indexOf(document.activeElement?.closest("tr[data-row]")?.querySelector("[data-open]"));
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

function clickIn(selector) {
  document.activeElement?.closest("tr[data-row]")?.querySelector(selector)?.click();
}

const KEYS = {
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  x: () => clickIn("[data-tick]"),
  e: () => clickIn("[data-edit]"),
  f: () => document.getElementById("filter-toggle").click(),
  "?": () => document.querySelector("[data-keys]").showModal(),
};

document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("input:not([type=checkbox]), textarea, select, .dropdown, dialog");
  if (busy || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// At first, and after each swap
function start() {
  startFilters();
  showSelection();
}

start();
document.addEventListener("htmx:after:swap", () => { if (!filterForm().chosen) start(); });
