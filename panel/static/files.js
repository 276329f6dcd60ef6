// File inputs of a customer's form: what is chosen takes the place of what is there.
"use strict";

document.querySelectorAll("[data-file]").forEach((place) => {
  const input = place.querySelector("input[type=file]");
  if (!input) return;
  const [held, present, remove] = ["[data-held]", "[data-present]", "[data-remove]"].map((one) => place.querySelector(one));

  input.addEventListener("change", () => {
    const isTooLarge = [...input.files].some((file) => file.size > Number(place.dataset.most) * 1024 * 1024);
    if (isTooLarge) input.value = "";
    tell(input, isTooLarge ? place.dataset.tooLarge : "");
    if (input.files.length && remove) remove.checked = false;
    present.classList.toggle("replaced", input.files.length > 0);
  });
  remove?.addEventListener("change", () => {
    if (remove.checked) input.value = "";
    present.classList.toggle("replaced", remove.checked);
  });
  // In a conflict the panel's file is taken over by its number.
  input.addEventListener("take", (event) => {
    event.preventDefault();
    held.value = event.detail;
    input.value = "";
    remove.checked = false;
    present.classList.remove("replaced");
    present.hidden = !event.detail;
    const name = Object.assign(document.createElement("span"), { textContent: place.dataset.panelName });
    name.dataset.fileName = "";
    present.querySelector("[data-file-name]").replaceWith(name);
    present.querySelector("[data-file-size]")?.remove();
    changed(held);
    input.focus();
  });
});
