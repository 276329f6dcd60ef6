// Inputs that hold several members: each is a chip with its own message, and the form sends one text as before.
"use strict";

const SEPARATOR = /[,;\n]/;

class Members {
  constructor(input) {
    this.entry = input;
    this.words = JSON.parse(input.dataset.members);
    this.refused = JSON.parse(input.dataset.refused);
    this.texts = [];
    this.build();
    this.listen();
    this.replace(this.sent.value);
  }

  build() {
    const { entry, words } = this;
    this.sent = Object.assign(document.createElement("input"), { type: "hidden", name: entry.name, value: entry.value });
    this.chips = document.createElement("ul");
    this.chips.className = "member-list";
    this.chips.setAttribute("aria-label", words.list);
    this.messages = document.createElement("div");
    this.messages.setAttribute("aria-live", "polite");
    const box = document.createElement("div");
    box.className = entry.className.replace("form-control", "members form-control");
    entry.className = "member-entry";
    entry.removeAttribute("name");
    all(".invalid-feedback", entry.closest(".field")).forEach((line) => line.remove());
    entry.replaceWith(box);
    box.append(this.chips, entry, this.sent);
    box.after(this.messages);
    box.addEventListener("click", (event) => { if (event.target === box || event.target === this.chips) entry.focus(); });
    this.box = box;
  }

  listen() {
    const { entry } = this;
    entry.addEventListener("input", () => (SEPARATOR.test(entry.value) ? this.take() : this.tellSent()));
    entry.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      if (!SEPARATOR.test(text)) return;
      event.preventDefault();
      this.add(text);
    });
    entry.addEventListener("keydown", (event) => this.onEntryKey(event));
    // Later than the click that took the focus away: nothing moves from under the pointer. It may be back by then.
    entry.addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== entry) this.add(); }, 250));
    entry.addEventListener("take", (event) => {
      event.preventDefault();
      this.replace(event.detail);
      changed(this.sent);
      entry.focus();
    });
    entry.form.addEventListener("checked", (event) => {
      const before = this.refused;
      this.refused = event.detail[this.sent.name] || {};
      if (this.texts.some((text) => this.refused[text] !== before[text])) this.draw();
    });
  }

  onEntryKey(event) {
    const { entry } = this;
    const atStart = entry.selectionStart === 0 && entry.selectionEnd === 0;
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && entry.value.trim()) {
      event.preventDefault();
      this.add();
    } else if (event.key === "Backspace" && !entry.value && this.texts.length) {
      event.preventDefault();
      this.remove(this.texts.length - 1);
    } else if (event.key === "ArrowLeft" && atStart && this.texts.length) {
      event.preventDefault();
      this.focus(this.texts.length - 1);
    }
  }

  onChipKey(event, place) {
    const acts = {
      ArrowLeft: () => (event.shiftKey ? this.move(place, place - 1) : this.focus(place - 1)),
      ArrowRight: () => (event.shiftKey ? this.move(place, place + 1) : this.focus(place + 1)),
      Delete: () => this.remove(place, place),
      Backspace: () => this.remove(place, place - 1),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  // Everything before the last separator becomes chips; the rest is still being typed.
  take() {
    const parts = this.entry.value.split(SEPARATOR);
    const rest = parts.pop();
    this.entry.value = rest.trimStart();
    this.texts.push(...parts.map((part) => part.trim()).filter(Boolean));
    this.draw();
    this.tellSent();
  }

  add(more = "") {
    const found = `${this.entry.value},${more}`.split(SEPARATOR).map((part) => part.trim()).filter(Boolean);
    if (!found.length) return;
    this.entry.value = "";
    this.texts.push(...found);
    this.draw();
    changed(this.sent);
  }

  replace(text) {
    this.entry.value = "";
    this.texts = text.split(SEPARATOR).map((part) => part.trim()).filter(Boolean);
    this.draw();
  }

  remove(place, next = this.texts.length) {
    this.texts.splice(place, 1);
    this.draw();
    changed(this.sent);
    this.focus(Math.max(next, 0));
  }

  edit(place) {
    this.add();
    const [text] = this.texts.splice(place, 1);
    this.draw();
    this.entry.value = text;
    this.entry.focus();
    changed(this.sent);
  }

  move(from, to) {
    if (to < 0 || to >= this.texts.length) return;
    this.texts.splice(to, 0, ...this.texts.splice(from, 1));
    this.draw();
    changed(this.sent);
    this.focus(to);
  }

  focus(place) {
    const chip = this.chips.children[Math.max(place, 0)];
    (chip ? chip.querySelector("button") : this.entry).focus();
  }

  tellSent() {
    const typed = this.entry.value.trim();
    this.sent.value = [...this.texts, ...(typed ? [typed] : [])].join(", ");
  }

  draw() {
    this.tellSent();
    const focused = [...this.chips.children].findIndex((chip) => chip.contains(document.activeElement));
    this.chips.hidden = !this.texts.length;
    this.chips.replaceChildren(...this.texts.map((text, place) => this.chip(text, place)));
    const bad = this.texts.filter((text) => this.refused[text]);
    this.box.classList.toggle("is-invalid", bad.length > 0);
    this.messages.replaceChildren(...bad.map((text) => {
      const line = document.createElement("div");
      line.className = "invalid-feedback d-block";
      line.textContent = this.refused[text];
      return line;
    }));
    if (focused >= 0) this.focus(Math.min(focused, this.texts.length - 1));
  }

  chip(text, place) {
    const chip = document.createElement("li");
    chip.className = this.refused[text] ? "member member-bad" : "member";
    const edit = this.button(text, `${this.words.edit}: ${text}`, () => this.edit(place));
    edit.className = "member-text";
    edit.addEventListener("keydown", (event) => this.onChipKey(event, place));
    chip.append(edit);
    if (place === 0 && this.texts.length > 1) {
      const mark = document.createElement("span");
      mark.className = "member-first";
      mark.textContent = this.words.first;
      chip.append(mark);
    }
    if (place > 0) chip.append(this.button("‹", `${this.words.move}: ${text}`, () => this.move(place, place - 1)));
    chip.append(this.button("×", `${this.words.remove}: ${text}`, () => this.remove(place)));
    return chip;
  }

  button(text, label, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.textContent = text;
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  }
}

all("input[data-members]:enabled").forEach((input) => new Members(input));
