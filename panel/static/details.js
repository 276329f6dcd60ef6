// A customer's page: notes that fold away by themselves, filters that need no button.
"use strict";

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
