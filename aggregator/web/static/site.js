// What a page can do better with a script: times that stay true, and reading by keyboard. Nothing needs it.
(() => {
  "use strict";
  const root = document.documentElement;
  const HOUR = 3600, DAY = 24 * HOUR;

  // --- times: "5 minutes ago" for a day, then what the server wrote --------------------------------
  const times = [...document.querySelectorAll("time[title]")].map((element) => ({
    element, at: Date.parse(element.dateTime) / 1000, written: element.textContent,
  }));
  const written = times.map((time) => time.written).join("");
  const digits = /[٠-٩]/.test(written) ? "arab" : /[۰-۹]/.test(written) ? "arabext" : "latn";
  const words = new Intl.RelativeTimeFormat(`${root.lang}-u-nu-${digits}`, { style: "short", numeric: "auto" });

  function say(age) {
    if (age < 60) return words.format(0, "second"); // "now"
    if (age < HOUR) return words.format(-Math.floor(age / 60), "minute");
    return words.format(-Math.floor(age / HOUR), "hour");
  }

  function tell() {
    const now = Date.now() / 1000;
    for (const { element, at, written } of times) {
      const age = now - at;
      const text = age >= 0 && age < DAY ? say(age) : written;
      if (element.textContent !== text) element.textContent = text;
    }
  }

  tell();
  setInterval(() => document.hidden || tell(), 30000);
  document.addEventListener("visibilitychange", () => document.hidden || tell());

  // --- keys ---------------------------------------------------------------------------------------
  const help = document.getElementById("keys");
  const off = document.getElementById("keys-off");
  if (!help?.showPopover) return;
  document.querySelector("[popovertarget=keys]").parentElement.hidden = false;
  // Single keys can be in the way of other tools (WCAG 2.2, 2.1.4): they can be turned off for good.
  try { off.checked = localStorage.getItem("keys") === "off"; } catch { /* no storage: for this page */ }
  off.addEventListener("change", () => {
    try { localStorage.setItem("keys", off.checked ? "off" : "on"); } catch { /* likewise */ }
  });

  function move(step) {
    const links = [...document.querySelectorAll("main .headline a, main a.headline")]
      .filter((link) => link.checkVisibility());
    const here = links.indexOf(document.activeElement);
    const below = links.findIndex((link) => link.getBoundingClientRect().top >= 0);
    links[here >= 0 ? here + step : step > 0 ? below : below - 1]?.focus();
  }

  function search() {
    const field = document.querySelector(".find input");
    if (!field.checkVisibility()) document.querySelector(".find-link").click();
    field.focus();
    field.select();
  }

  const actions = {
    j: () => move(1), k: () => move(-1), "/": search, "?": () => help.togglePopover(),
  };

  function findKey(event) {
    if (event.key in actions) return event.key;
    // An Arabic keyboard writes Arabic letters: there the place of the key counts.
    if (!/[\u0600-\u06ff]/.test(event.key)) return null;
    return { KeyJ: "j", KeyK: "k", Slash: event.shiftKey ? "?" : "/" }[event.code];
  }

  document.addEventListener("keydown", (event) => {
    if (off.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const key = findKey(event);
    if (!key) return;
    event.preventDefault();
    actions[key]();
  });
})();
