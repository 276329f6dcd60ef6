// A customer's page: copying a value, notes that fold away by themselves, filters that need no button.
"use strict";

all("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  });
});

const folds = all("details[data-fold]");
document.addEventListener("click", (event) => {
  folds.forEach((fold) => { if (!fold.contains(event.target)) fold.open = false; });
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && folds.find((fold) => fold.open);
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

all("select[data-submit-on-change]").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});
