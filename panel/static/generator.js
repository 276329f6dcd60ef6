// The generator's page: what the settings make, while they are typed.
"use strict";

all("form[data-preview]").forEach((form) => {
  const part = (name) => form.querySelector(`[data-${name}]`);
  const shown = ["login_pattern", "login_characters", "password_characters", "password_length", "clear_characters"];
  let waiting;
  let asked = 0;

  form.addEventListener("input", (event) => {
    if (!shown.includes(event.target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(preview, 250);
  });

  async function preview() {
    const mine = ++asked;
    try {
      const answer = await ask(form.dataset.preview, new FormData(form));
      if (mine === asked) show(answer);
    } catch (error) {
      part("supply").textContent = error.message;
    }
  }

  function show(answer) {
    showMistake(answer.mistake);
    part("examples").hidden = answer.examples.length === 0;
    part("examples-here").replaceChildren(...answer.examples.map(exampleRow));
    part("supply").textContent = answer.supply;
    part("warning").textContent = answer.warning;
    part("strength").textContent = answer.strength;
    part("strength").dataset.level = answer.level;
    for (const name of ["login_characters", "password_characters"]) {
      const input = form.elements.namedItem(name);
      tell(input, answer.problems[name]);
      input.classList.toggle("is-invalid", Boolean(answer.problems[name]));
    }
  }

  function showMistake(mistake) {
    const input = form.elements.namedItem("login_pattern");
    all(".invalid-feedback", input.parentElement).forEach((line) => line.remove());
    input.classList.toggle("is-invalid", Boolean(mistake));
    part("mistake").hidden = !mistake;
    if (!mistake) return;
    const [words, before, wrong, after] = mistake;
    const marked = document.createElement("mark");
    marked.textContent = wrong;
    part("mistake-words").textContent = words;
    part("mistake-place").hidden = !wrong;
    part("mistake-place").replaceChildren(
      before, marked, after, "\n", " ".repeat(before.length), "^".repeat(wrong.length)
    );
  }

  function exampleRow([name, login]) {
    const row = document.createElement("tr");
    const person = document.createElement("th");
    person.scope = "row";
    person.textContent = name;
    const made = document.createElement("td");
    made.className = "mono";
    made.textContent = login;
    row.append(person, made);
    return row;
  }
});
