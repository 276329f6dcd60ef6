// Uploading workbooks: chosen or dropped, one after the other, each with how much of it has been sent.
"use strict";

const MOST_AT_ONCE = 20;

// Resolves with the address and the number of the import; rejects with a sentence.
function sendFile(form, file, bar) {
  const data = new FormData(form);
  data.delete("file");
  data.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-CSRFToken", token());
    request.setRequestHeader("X-Requested-With", "fetch");
    request.upload.addEventListener("progress", (event) => {
      bar.max = event.total || 1;
      if (event.loaded < event.total) bar.value = event.loaded;
      else bar.removeAttribute("value");
    });
    request.addEventListener("load", () => {
      const answer = parsed(request);
      if (request.status < 300 && answer.address) resolve(answer);
      else reject(new Error(answer.message || form.dataset.failed));
    });
    request.addEventListener("error", () => reject(new Error(form.dataset.failed)));
    request.send(data);
  });
}

function parsed(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

function line(place, file) {
  const row = document.createElement("div");
  row.className = "upload";
  row.innerHTML = '<label class="form-label"></label><progress class="progress" max="1" value="0"></progress>';
  const [label, bar] = row.children;
  label.textContent = file.name;
  bar.id = `upload-${place.children.length}`;
  label.htmlFor = bar.id;
  place.append(row);
  return { row, bar };
}

// Several files are planned together, and looked at on one page.
async function together(form, taken, row) {
  const numbers = new FormData();
  for (const { number } of taken) numbers.append("import", number);
  try {
    location.assign((await ask(form.dataset.together, numbers)).address);
  } catch (error) {
    tell(row.firstElementChild, error.message);
  }
}

async function sendAll(form, files) {
  const place = document.querySelector("[data-uploads]");
  const lines = [...files].slice(0, MOST_AT_ONCE).map((file) => ({ file, ...line(place, file) }));
  place.hidden = false;
  const taken = [];
  for (const { file, row, bar } of lines) {
    try {
      taken.push(await sendFile(form, file, bar));
      bar.max = bar.value = 1;
    } catch (error) {
      bar.remove();
      tell(row.firstElementChild, error.message);
    }
  }
  if (taken.length < lines.length) return false;
  if (taken.length === 1) location.assign(taken[0].address);
  else await together(form, taken, lines[0].row);
  return true;
}

all("form[data-upload]").forEach((form) => {
  const input = form.querySelector("input[type=file]");
  let busy = false;
  const send = async (files) => {
    if (busy || !files.length) return;
    busy = true;
    all("button", form).forEach((button) => { button.disabled = true; });
    const gone = await sendAll(form, files);
    busy = gone;
    all("button", form).forEach((button) => { button.disabled = gone; });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.files);
  });
  // The browser's own bubble is gone at the next touch; this stays until a file is chosen.
  input.addEventListener("invalid", (event) => {
    event.preventDefault();
    tell(input, form.dataset.missing);
    input.focus();
  });
  input.addEventListener("change", () => tell(input, ""));
  if ("anywhere" in form.dataset) dropAnywhere(form, send);
  window.addEventListener("pageshow", () => { busy = false; });
});

// The whole page takes files: a frame over it shows so while some are held above it.
function dropAnywhere(form, send) {
  let depth = 0;
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  const show = (is) => document.body.classList.toggle("takes-files", is);
  document.addEventListener("dragenter", (event) => {
    if (!holds(event)) return;
    depth += 1;
    show(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!holds(event)) return;
    depth = Math.max(0, depth - 1);
    show(depth > 0);
  });
  document.addEventListener("dragover", (event) => { if (holds(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    send(event.dataTransfer.files);
  });
}
