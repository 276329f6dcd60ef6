// What rules of billing that are being typed come to, worked out by the panel.
"use strict";

all("form[data-example]").forEach((form) => {
  const place = form.querySelector("[data-example-here]");
  let asked = 0;
  let waiting;
  const look = async () => {
    const mine = ++asked;
    try {
      const answer = await ask(form.dataset.example, new FormData(form));
      if (mine === asked) place.textContent = answer.words;
    } catch {
      place.textContent = "";
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 300);
  });
});
