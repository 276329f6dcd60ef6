// The preview of an import: a choice is stored as it is made, and the parts of the page that it changes are renewed.
"use strict";

const preview = document.querySelector("[data-preview]");
let sending = Promise.resolve();
let looking = false;

function put(parts) {
  const { id, value } = document.activeElement || {};
  const typed = all("input[name=confirm]").map((input) => [input.pattern, input.value]);
  for (const place of all("[data-part]")) {
    const html = parts[place.dataset.part];
    if (html !== undefined) place.innerHTML = html;
  }
  for (const [pattern, words] of typed) {
    const same = all("input[name=confirm]").find((input) => input.pattern === pattern && !input.value);
    if (same) same.value = words;
  }
  const again = id && document.getElementById(id);
  if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  if (again && again.matches(".other") && value) again.value = value;
  watch();
}

// Choices are sent one after the other: each answer shows what those before it made.
function send(pairs, input) {
  const form = preview.querySelector("form[data-choices]");
  const data = new FormData();
  for (const { name, value } of all("input[type=hidden]", form)) {
    if (["group", "field", "q", "kind", "after"].includes(name)) data.append(name, value);
  }
  for (const [name, value] of pairs) data.append(name, value);
  sending = sending.then(async () => {
    try {
      put(await ask(form.action, data));
    } catch (error) {
      tell(document.getElementById(input.id) || input, error.message);
    }
  });
}

function place(number) {
  const at = preview.querySelector(`input[name="at.${number}"]`);
  return at ? [[at.name, at.value]] : [];
}

function chosen(input) {
  if (input.name === "take") {
    send([[`choice.${input.value}`, input.checked ? "" : "panel"], ...place(input.value)], input);
    return;
  }
  const [kind, number] = input.name.split(".");
  const other = document.getElementById(`other-${number}`);
  if (kind === "other") {
    if (!input.value && !document.getElementById(`choice-${number}-other`).checked) return;
    document.getElementById(`choice-${number}-other`).checked = true;
    send([[`choice.${number}`, "other"], [`other.${number}`, input.value], ...place(number)], input);
  } else if (kind === "choice" && input.value === "other") {
    other.focus();
    if (other.value) chosen(other);
  } else if (kind === "choice") {
    send([[input.name, input.value], ...place(number)], input);
  }
}

// While choices are worked in, the page asks how far that is, and is renewed when it is done.
function watch() {
  const bar = preview.querySelector("[data-at-work]");
  if (!bar || looking) return;
  looking = true;
  const look = async () => {
    try {
      const response = await fetch(preview.dataset.progressOf, { headers: { "X-Requested-With": "fetch" } });
      if (!response.ok) throw new Error(response.statusText);
      const now = await response.json();
      if (now.at_work) show(now);
      else {
        looking = false;
        await renewed();
        return;
      }
    } catch {
      // The next look may reach the server again.
    }
    setTimeout(look, 700);
  };
  setTimeout(look, 400);
}

function show(now) {
  const bar = preview.querySelector("[data-at-work]");
  if (!bar) return;
  bar.querySelector("[data-sentence]").textContent = now.sentence;
  const progress = bar.querySelector("progress");
  if (now.total) {
    progress.max = now.total;
    progress.value = now.done;
  }
}

async function renewed() {
  const response = await fetch(preview.dataset.preview, { headers: { "X-Requested-With": "fetch" } });
  const parts = response.ok ? await response.json() : {};
  if (parts.state === "planned") put(parts);
  else location.reload();
}

if (preview) {
  preview.addEventListener("change", (event) => {
    if (event.target.closest("form[data-choices]")) chosen(event.target);
  });
  preview.addEventListener("click", (event) => {
    const button = event.target.closest("form[data-choices] button[name]");
    if (!button) return;
    event.preventDefault();
    send([[button.name, button.value]], button);
  });
  // Enter in a typed value takes it, and sends no form.
  preview.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("form[data-choices] .other")) return;
    event.preventDefault();
    chosen(event.target);
  });
  watch();
}
