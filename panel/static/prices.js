// The price of a plan is proposed where a service gets the plan, unless somebody typed another.
"use strict";

all("form[data-prices]").forEach((form) => {
  const prices = JSON.parse(form.dataset.prices);
  const plan = form.elements.plan;
  const price = form.elements.price;
  let proposed = prices[plan.value] || "";
  plan.addEventListener("change", () => {
    if (price.value.trim() && price.value !== proposed) return;
    proposed = prices[plan.value] || "";
    price.value = proposed;
    changed(price);
  });
});
