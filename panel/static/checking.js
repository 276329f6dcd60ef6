// A customer's form is looked at while it is filled in: single members that are none, customers who may be the same.
"use strict";

all("form[data-check]").forEach((form) => {
  const PAUSE = 600;
  const place = form.querySelector("[data-duplicates]");
  const button = form.querySelector("[data-anyway]");
  let timer, shown, asked = 0;

  const show = (words) => {
    if (words === shown) return;
    shown = words;
    place.innerHTML = words;
    place.hidden = !words;
    button.textContent = words ? button.dataset.anyway : button.dataset.plain;
  };

  const check = async () => {
    const mine = ++asked;
    const data = new FormData(form);
    all("input[type=file], input[type=password]", form).forEach((input) => data.delete(input.name));
    try {
      const answer = await ask(form.dataset.check, data);
      if (mine !== asked) return;
      show(answer.duplicates);
      form.dispatchEvent(new CustomEvent("checked", { detail: answer.refused }));
    } catch {
      // Saving checks again, and says what is wrong.
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  });
});
