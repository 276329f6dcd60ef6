// Lists in an order of their own: by drag or by their buttons, saved at once.
"use strict";

all("[data-order]").forEach((list) => {
  const lines = () => all("[data-id]", list);
  const said = document.querySelector("[data-order-said]");
  let dragged = null;
  let newest = 0;
  let saving = Promise.resolve();

  lines().forEach((line) => { line.draggable = true; });
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-id]");
    dragged?.classList.add("dragged");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-id]");
    if (!dragged || !over) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    if (over !== dragged) over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    save();
  });

  // The buttons are forms, so that they work without this; with it the focus stays where it is.
  list.addEventListener("submit", (event) => {
    const button = event.submitter;
    const line = button?.closest("[data-id]");
    if (!button?.dataset.step || !line) return;
    event.preventDefault();
    const up = button.dataset.step.endsWith("up");
    if (up) line.previousElementSibling?.before(line);
    else line.nextElementSibling?.after(line);
    save();
    const other = line.querySelector(`[data-step$=${up ? "down" : "up"}]`);
    (button.disabled ? other : button).focus();
  });

  // One after the other, and of those that wait the newest alone: what is saved last is what is shown.
  function save() {
    const ids = lines().map((line) => line.dataset.id);
    lines().forEach((line, place) => {
      line.querySelector("[data-step$=up]").disabled = place === 0;
      line.querySelector("[data-step$=down]").disabled = place === ids.length - 1;
    });
    const mine = ++newest;
    said.textContent = "";
    saving = saving.then(() => mine === newest && send(ids, () => mine === newest));
  }

  async function send(ids, isNewest) {
    const data = new FormData();
    data.append("ids", ids.join(","));
    try {
      await ask(list.dataset.order, data);
      if (isNewest()) said.textContent = list.dataset.saved;
    } catch (error) {
      said.textContent = error.message;
      said.className = "alert alert-danger";
    }
  }
});
