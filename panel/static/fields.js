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
