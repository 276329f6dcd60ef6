// Exports: who has the same customers, asked while somebody chooses, and the file as soon as it is ready.
"use strict";

async function showOverlap(form) {
  const place = form.querySelector("[data-overlap-here]");
  try {
    const answer = await ask(form.dataset.overlap, new FormData(form));
    if (answer.words !== undefined) place.innerHTML = answer.words;
  } catch {
    place.textContent = "";  // the export itself says what is wrong
  }
}

for (const form of document.querySelectorAll("form[data-overlap]:not(.dropdown-menu)")) {
  const look = () => showOverlap(form);
  form.addEventListener("change", (event) => {
    if (event.target.matches("select:not([name=format])")) look();
  });
  look();
}

// In a list, what is asked for is known when the menu opens.
document.addEventListener("show.bs.dropdown", (event) => {
  const form = event.target.closest(".dropdown")?.querySelector("form[data-overlap]");
  if (form) showOverlap(form);
});

// A file that somebody waited for on this page is sent without another click.
const waited = (number) => `export-${number}`;
for (const place of document.querySelectorAll("[data-download-when-ready]")) {
  sessionStorage.setItem(waited(place.dataset.downloadWhenReady), "1");
}
for (const form of document.querySelectorAll("form[data-download]")) {
  const key = waited(form.dataset.download);
  if (sessionStorage.getItem(key)) {
    sessionStorage.removeItem(key);
    form.requestSubmit();
  }
}
