// What the pages of a run and of a comparison have alike. What was recorded becomes text, never markup.
"use strict";
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{d800}-\u{dfff}\u{e0000}-\u{e007f}]/gu;
// What hides, moves or turns text is to be seen, as on the terminal; line ends and tabs stay what they are.
const visible = (text) =>
  String(text).replace(HIDDEN, (one) => {
    const code = one.codePointAt(0), hex = code.toString(16);
    return code === 0x1b ? "\\e" : code < 0x100 ? `\\x${hex.padStart(2, "0")}` : code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
const element = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = visible(text);
  return made;
};
const byId = (id) => document.getElementById(id);
const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const pairs = (value) =>
  value == null ? "" : isMap(value) ? Object.entries(value).map(([key, item]) => `${key}=${plain(item)}`).join(" ") : plain(value);
const elapsed = (ms) =>
  ms >= 60000 ? `${Math.floor(ms / 60000)}m${String(Math.floor((ms % 60000) / 1000)).padStart(2, "0")}s`
  : ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : ms >= 1 ? `${ms.toFixed(ms < 10 ? 2 : 1)} ms` : ms ? `${(ms * 1000).toPrecision(3)} µs` : "0 ms";
// On paper all rows of a list are there, up to so many; colours are those of the day.
const MOST_PRINTED = 2000;
let printing = false;
const onPrint = (draw) => {
  for (const [name, now] of [["beforeprint", true], ["afterprint", false]])
    window.addEventListener(name, () => {
      printing = now;
      document.documentElement.toggleAttribute("data-print", now);
      draw();
    });
};
