// What a page can do better where there is script. Every page works without it, and no password is ever
// read by it for anything but what stands beside the field.

"use strict";

// A button beside each password shows what was typed. Before the form goes it is hidden again, so that no
// browser keeps it among the words it completes.
for (const button of document.querySelectorAll("button.reveal")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const [show, showWhat] = [button.textContent, button.ariaLabel];
  const set = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : show;
    button.ariaLabel = shown ? button.dataset.hideWhat : showWhat;
  };
  button.addEventListener("click", () => {
    const { selectionStart, selectionEnd } = input;
    set(input.type === "password");
    input.focus();
    input.setSelectionRange(selectionStart, selectionEnd);
  });
  input.form.addEventListener("submit", () => set(false));
  button.hidden = false;
}

// How hard a password is to guess, roughly, judged in this page alone. The server has the last word.
const EVERYBODYS = /passw|kennwort|qwert|azerty|asdf|1234|abcd|letmein|welcome|willkommen|iloveyou|admin|login|secret|geheim|hallo|hello/giu;

function strength(text, least) {
  const characters = [...text.normalize("NFC")];
  if (characters.length < least) return 0;
  // A run of one character, or of neighbours such as 4567, is worth little more than its first.
  let worth = 0;
  characters.forEach((character, at) => {
    const step = at === 0 ? NaN : character.codePointAt(0) - characters[at - 1].codePointAt(0);
    worth += Math.abs(step) <= 1 ? 0.3 : 1;
  });
  for (const [found] of text.matchAll(EVERYBODYS)) worth -= found.length - 1;
  worth *= Math.min(1, new Set(characters).size / 6);
  if (worth < 7) return 1;
  if (worth < 10) return 2;
  return worth < 15 ? 3 : 4;
}

for (const hint of document.querySelectorAll(".strength")) {
  const input = document.getElementById(hint.dataset.of);
  const levels = hint.dataset.levels.split("|");
  const [bar, words] = [hint.querySelector("progress"), hint.querySelector("span")];
  input.addEventListener("input", () => {
    hint.hidden = input.value === "";
    const level = strength(input.value, Number(hint.dataset.least));
    bar.value = level + 1;
    // Screen readers tell every change: only what is new.
    if (words.textContent !== levels[level]) words.textContent = levels[level];
  });
}

// A second press while the first is on its way would send the form twice.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true");
  });
}
// Back again, perhaps out of the browser's memory: it may be sent once more.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});
