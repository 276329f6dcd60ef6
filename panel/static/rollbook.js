// Everything that pages do by themselves. Each part looks for its own data-* attribute and leaves the rest alone.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const token = () => document.querySelector("meta[name=csrf-token]").content;

async function ask(url, data) {
  const headers = { "X-CSRFToken": token(), "X-Requested-With": "fetch" };
  const response = await fetch(url, { method: "POST", body: data, headers });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const answer = isJson ? await response.json() : {};
  if (answer.confirm && await confirmed(answer.confirm)) return ask(url, data);
  if (!response.ok) throw new Error(answer.message || document.body.dataset.failed);
  return answer;
}

// What is guarded asks for the password first, in a dialog, and then goes on.
function confirmed(address) {
  const dialog = document.querySelector("template[data-confirm-dialog]").content.firstElementChild.cloneNode(true);
  const form = dialog.querySelector("form");
  const input = form.querySelector("input[type=password]");
  document.body.append(dialog);
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await ask(address, new FormData(form));
        dialog.close("confirmed");
      } catch (error) {
        tell(input, error.message);
        input.select();
      }
    });
    form.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "confirmed");
    });
    dialog.showModal();
  });
}

function changed(input) {
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function tell(input, sentence) {
  const row = input.closest(".field") || input.parentElement;
  all(".said", row).forEach((old) => old.remove());
  if (!sentence) return;
  const line = document.createElement("div");
  line.className = "invalid-feedback d-block said";
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  row.append(line);
}

// Theme
all("[data-theme-switch]").forEach((button) => button.addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  localStorage.setItem("rollbook-theme", root.dataset.bsTheme);
}));

// Search: / goes to the box
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const box = document.querySelector("[data-search]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && box) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// Deleting and undoing ask first. The listener captures, so that nothing else handles the event before.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question.trim())) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// Long work says so, and is not started twice
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !button?.dataset.busy) return;
  const before = button.innerHTML;
  setTimeout(() => {
    button.disabled = true;
    button.textContent = button.dataset.busy;
  });
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.innerHTML = before;
  }, { once: true });
});

// Unsaved changes are not lost by leaving; Ctrl+Enter saves
all("form[data-guard]").forEach((form) => {
  let dirty = form.dataset.guard === "unsaved";
  for (const name of ["input", "change"]) form.addEventListener(name, () => { dirty = true; });
  form.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  // What had the focus may be hidden by now.
  const isNowhere = event.target === document.body;
  const form = isNowhere ? document.querySelector("form[data-submit-keys]") : event.target.closest("form[data-submit-keys]");
  if (!form) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector("button.btn-primary[type=submit]"));
});
all("[data-focus]").forEach((place) => place.focus());

// The summary of problems leads to their inputs; a page that has one opens at the first
function lead(link) {
  const row = document.getElementById(link.hash.slice(1)).closest(".field");
  const input = all("input, select, textarea", row).find((one) => one.offsetParent && one.tabIndex >= 0 && !one.disabled);
  (input || link).focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}

all("a[data-problem]").forEach((link) => link.addEventListener("click", (event) => {
  event.preventDefault();
  lead(link);
}));
// Later scripts put inputs of their own in place of some.
document.addEventListener("DOMContentLoaded", () => {
  const [first] = all("a[data-problem]");
  if (first) lead(first);
  else document.querySelector("main form [aria-invalid=true]")?.focus();
});

// Generate buttons
all("[data-generate]").forEach((button) => button.addEventListener("click", async () => {
  const input = document.getElementById(button.dataset.into);
  button.disabled = true;
  try {
    input.value = (await ask(button.dataset.generate, new FormData(button.form))).value;
    tell(input, "");
    changed(input);
  } catch (error) {
    tell(input, error.message);
  } finally {
    button.disabled = false;
    input.focus();
  }
}));

// Taking the panel's value in a conflict
all("[data-take]").forEach((button) => button.addEventListener("click", () => {
  const input = document.getElementById(button.dataset.into);
  if (input.classList.contains("several")) {
    const labels = button.dataset.take.split(", ");
    all("input[type=checkbox]", input).forEach((box) => {
      box.checked = labels.includes(box.nextElementSibling.textContent);
    });
    changed(input);
  } else {
    const taken = new CustomEvent("take", { detail: button.dataset.take, cancelable: true });
    if (!input.dispatchEvent(taken)) return;
    input.value = input.type === "datetime-local" ? button.dataset.take.replace(" ", "T") : button.dataset.take;
    changed(input);
    input.focus();
  }
}));

// A field of another category is not shown
all("form[data-categories]").forEach((form) => {
  const choice = form.elements.namedItem("category");
  if (!choice) return;
  const keys = JSON.parse(form.dataset.categories);
  const show = () => all("[data-category]", form).forEach((row) => {
    row.hidden = row.dataset.category !== keys[choice.value];
  });
  choice.addEventListener("change", show);
  show();
});

// Passwords are shown on request, for half a minute
all("form[data-reveal]").forEach((form) => form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = form.querySelector("[data-reveal-here]");
  const button = form.querySelector("button");
  try {
    place.textContent = (await ask(form.action, new FormData(form))).password || place.dataset.none;
    button.hidden = true;
    setTimeout(() => {
      place.textContent = "••••••••";
      button.hidden = false;
    }, 30000);
  } catch (error) {
    place.textContent = error.message;
  }
}));

// Lists: page size
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-go]")) location.assign(event.target.value);
});

// Additional fields: a key proposed from the label, and only the settings that the type has
all("[data-field-settings]").forEach((place) => {
  const settings = JSON.parse(place.dataset.fieldSettings);
  const type = place.querySelector("[data-field-type]");
  const show = () => all("[data-setting]", place).forEach((row) => {
    row.hidden = !(settings[type.value] || "").split(" ").includes(row.dataset.setting);
    all("input[type=checkbox]", row).forEach((box) => { box.disabled = row.hidden; });
  });
  type.addEventListener("change", show);
  show();
  const source = place.querySelector("[data-key-source]");
  const target = place.querySelector("[data-key-target]");
  let own = target.value !== "";
  target.addEventListener("input", () => { own = target.value !== ""; });
  source.addEventListener("input", () => { if (!own && !target.disabled) target.value = machineKey(source.value); });
});

function machineKey(label) {
  const plain = label.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+/, "").slice(0, 40).replace(/_+$/, "");
}

// A file can be dropped
all("[data-drop]").forEach((place) => {
  const input = place.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    place.addEventListener(name, () => place.classList.remove("over"));
  }
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    changed(input);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
});
