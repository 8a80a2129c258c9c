// What the dashboard can do better where there is script. Every page works without it.

"use strict";

// A menu closes when something else is pressed, or with Escape.
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// The page follows the log: when something happens it asks the server for itself anew, and takes over the parts
// that are marked for it. So what is shown is always what the server made, and nothing is counted here.
const PAUSE = 2000;
const parts = document.querySelectorAll("[data-live][id]");
const live = document.getElementById("live");
let asked = 0;
let waiting = null;

function say(text, on) {
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("on", on);
  live.hidden = false;
}

// What the reader has opened, marked or pressed stays as it is.
function take(fresh) {
  const last = Number(document.querySelector(".feed")?.dataset.last ?? 0);
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    for (const id of open) other.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (other.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceWith(document.adoptNode(other));
  }
  const asOf = fresh.getElementById("as-of");
  if (asOf) document.getElementById("as-of").replaceWith(document.adoptNode(asOf));
  for (const entry of document.querySelectorAll(".feed li")) {
    if (Number(entry.dataset.position) > last) entry.classList.add("new");
  }
}

async function refresh() {
  waiting = null;
  asked = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Another page came back, or one with other parts: the whole is to be shown anew, not bits of it.
    const same = [...parts].every((part) => fresh.getElementById(part.id));
    if (same && fresh.querySelectorAll("[data-live][id]").length === parts.length) take(fresh);
    else location.reload();
  } catch {
    // It will be asked for again with the next event.
  }
}

function news() {
  if (waiting !== null || document.hidden) return;
  waiting = setTimeout(refresh, Math.max(PAUSE - (Date.now() - asked), 200));
}

const gone = new AbortController();

async function follow(url) {
  while (!gone.signal.aborted) {
    try {
      const answer = await fetch(url, { headers: { accept: "text/event-stream" }, signal: gone.signal });
      if (answer.status === 401 || answer.status === 403) return say("Signed out", false);
      if (answer.ok) {
        say("Live", true);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          // What is no event is a comment, which says that the connection lives.
          if (/^id:/mu.test(part.value)) news();
        }
      }
    } catch {
      // Cut off, or the server is away.
    }
    if (gone.signal.aborted) return;
    say("Not live; trying again", false);
    await new Promise((done) => setTimeout(done, 5000));
    news();
  }
}

if (parts.length > 0) {
  follow(document.body.dataset.stream);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) news(); });
  addEventListener("pagehide", () => gone.abort());
}
