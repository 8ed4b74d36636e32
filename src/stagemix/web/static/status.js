// How far the coder is, and what is wrong with the connection.

import { fill } from "./draw.js";

const $ = (id) => document.getElementById(id);

// AT is the place of the unit on the screen, and as many as there are UNITS at the end.
export function drawProgress({ units, at, words, each, outbox }) {
  const done = units.filter((one) => one.done).length;
  $("place").textContent = at < units.length ? fill(words.of, { i: at + 1, n: units.length }) : "";
  $("progress").textContent = fill(words.progress, { done, given: units.length });
  $("bar").max = units.length || 1;
  $("bar").value = done;
  $("pace").textContent = pace(units.length - done, each, words);
  const waiting = outbox.waiting.length;
  // while there is trouble, what waits is told above
  $("saved").textContent = waiting && outbox.trouble ? "" : `· ${waiting ? fill(words.sending, { n: waiting }) : words.all_saved}`;
}

function pace(left, each, words) {
  if (!each || !left) return "";
  const minutes = Math.ceil((each * left) / 60);
  const time = minutes < 90 ? fill(words.minutes, { n: minutes }) : fill(words.hours, { n: (minutes / 60).toFixed(1) });
  return `· ${fill(words.pace, { seconds: Math.max(1, Math.round(each)), left: time })}`;
}

// BACK is called with a refused save when the coder wants to go back to its unit.
export function drawTrouble({ words, outbox, back }) {
  const { waiting, refused, trouble } = outbox;
  const lines = [];
  if (trouble) {
    const text = { offline: words.offline, session: words.leave_link, disk: words.disk }[trouble.kind];
    lines.push(fill(text, { n: waiting.length, why: trouble.why ?? "" }));
  }
  if (!outbox.kept && waiting.length) lines.push(words.not_kept);
  if (refused.length) {
    const why = [...new Set(refused.map((one) => words[one.word] ?? one.word ?? ""))].join("；");
    lines.push(fill(words.refused, { n: refused.length, why }));
  }
  const box = $("trouble");
  const text = lines.join("\n");
  if (box.dataset.text === text) return;
  box.dataset.text = text;
  box.hidden = !lines.length;
  box.textContent = text;
  if (!refused.length) return;
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: words.look_again });
  button.addEventListener("click", () => back(outbox.refused[0]));
  box.append(" ", button);
}
