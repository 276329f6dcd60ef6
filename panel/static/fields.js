// An additional field's form: what is being defined is shown beside it, as a customer's form will have it.
"use strict";

all("form:has([data-field-preview])").forEach((form) => {
  const place = form.querySelector("[data-field-preview]");
  let waiting;
  let asked = 0;
  let tried = false;

  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("fieldchange", later);
  preview(false);

  function later(event) {
    const isSample = place.contains(event.target);
    tried ||= isSample;
    clearTimeout(waiting);
    waiting = setTimeout(() => preview(isSample), 250);
  }

  async function preview(isSample) {
    const mine = ++asked;
    const data = new FormData(form);
    if (!tried) data.delete("sample");
    try {
      const answer = await ask(place.dataset.fieldPreview, data);
      if (mine === asked) show(answer, isSample);
    } catch (error) {
      place.textContent = error.message;
    }
  }

  // Whoever is typing a sample keeps the input: only what is wrong with it is said anew.
  function show(answer, isSample) {
    if (!isSample) place.innerHTML = answer.html;
    const input = place.querySelector("[name=sample]");
    if (!input) return;
    const sentence = answer.problems.join(" ");
    if (isSample) tell(input, sentence);
    if (isSample) input.classList.toggle("is-invalid", Boolean(sentence));
  }
});

// Options, one a row: added, removed, and ordered by drag or by their buttons.
all("[data-options]").forEach((list) => {
  const rows = () => all("[data-option]", list);
  const blank = rows().at(-1).cloneNode(true);
  let dragged = null;

  const told = () => list.dispatchEvent(new Event("change", { bubbles: true }));
  const label = (row) => row.querySelector("[name=options]");
  const add = () => {
    const row = blank.cloneNode(true);
    list.append(row);
    label(row).focus();
  };

  list.parentElement.querySelector("[data-option-add]").addEventListener("click", add);
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.target.name !== "options") return;
    event.preventDefault();
    add();
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[data-option]");
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-option-up]")) row.previousElementSibling?.before(row);
    if (button.matches("[data-option-down]")) row.nextElementSibling?.after(row);
    if (button.matches("[data-option-remove]")) {
      const next = row.nextElementSibling || row.previousElementSibling;
      if (next) row.remove();
      else row.replaceWith(blank.cloneNode(true));
      label(next || rows()[0]).focus();
    } else {
      button.focus();
    }
    told();
  });

  // Only the handle starts a drag, so that the text in the inputs can be selected.
  list.addEventListener("mousedown", (event) => {
    const row = event.target.closest("[data-option]");
    if (row) row.draggable = event.target.classList.contains("drag");
  });
  list.addEventListener("dragstart", (event) => { dragged = event.target.closest("[data-option]"); });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-option]");
    if (!dragged || !over) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    if (over !== dragged) over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  list.addEventListener("dragend", () => {
    dragged = null;
    told();
  });
});
