// A status: what its chosen effects mean.
"use strict";

all("[data-effects]").forEach((place) => {
  const words = JSON.parse(place.dataset.effects);
  const form = place.closest("form");
  const is = (name) => Number(form.elements.namedItem(name).checked);
  const show = () => {
    const key = `${form.elements.namedItem("services").value}-${is("accounted")}-${is("deletable")}`;
    place.querySelector("[data-effects-here]").textContent = words[key];
  };
  form.addEventListener("change", show);
  form.elements.namedItem("own_colour").addEventListener("input", () => {
    form.querySelector("[data-own]").checked = true;
  });
  show();
});
