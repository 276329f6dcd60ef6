// The page of one piece of work: how far it is, asked again until it has ended.
"use strict";

for (const place of document.querySelectorAll("[data-progress]")) {
  const bar = place.querySelector("progress");
  const sentence = place.querySelector("[data-sentence]");
  let wait = 500;
  const look = async () => {
    try {
      const response = await fetch(place.dataset.progress, { headers: { "X-Requested-With": "fetch" } });
      if (!response.ok) throw new Error(response.statusText);
      const now = await response.json();
      if (!now.at_work) {
        location.reload();
        return;
      }
      bar.max = now.total || 1;
      bar.value = now.done;
      sentence.textContent = now.sentence;
      wait = 1000;
    } catch {
      wait = Math.min(wait * 2, 30000);
    }
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
}
