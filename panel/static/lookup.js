// Inputs that point to customers: found by typing a name, a login or an ID.
"use strict";

document.querySelectorAll("input[data-lookup]:not([disabled])").forEach((input) => {
  const chosen = JSON.parse(input.dataset.chosen);
  const words = JSON.parse(input.dataset.words);
  const isWrong = input.classList.contains("is-invalid");
  // What is wrong stays as it was typed, so that it can be mended.
  if (!isWrong) input.value = chosen.map((one) => one.value).join(",");
  const select = new TomSelect(input, {
    options: isWrong ? [] : chosen,
    valueField: "value",
    labelField: "text",
    searchField: [],
    score: () => () => 1,
    delimiter: ",",
    maxItems: "several" in input.dataset ? null : 1,
    create: true,
    createOnBlur: true,
    loadThrottle: 250,
    placeholder: words.placeholder,
    render: {
      option_create: (data, escape) => `<div class="create">${escape(words.typed)} <strong>${escape(data.input)}</strong></div>`,
      no_results: () => null,
    },
    load: async (text, show) => {
      try {
        const response = await fetch(`${input.dataset.lookup}?q=${encodeURIComponent(text)}`);
        show(response.ok ? await response.json() : []);
      } catch {
        show([]);
      }
    },
    onType() { this.clearOptions((option) => this.items.includes(option.value)); },
  });
  // Nobody but the script uses the input any more: what describes it belongs to the one that people type in.
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (input.hasAttribute(name)) select.control_input.setAttribute(name, input.getAttribute(name));
  }
  input.setAttribute("aria-hidden", "true");
});
