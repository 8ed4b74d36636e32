// The page that a round is coded on. What is on the screen is drawn from `state` alone.

import { given, inWords, unanswered } from "./answers.js";
import { Drafts } from "./drafts.js";
import { drawQuestions, drawRules, drawUnit, fill, searchRules } from "./draw.js";
import { keyOf } from "./keys.js";
import { Outbox, newId } from "./outbox.js";
import { drawProgress, drawTrouble } from "./status.js";
import { Texts } from "./texts.js";

const DOUBLE_CLICK = 300; // ms in which nobody has read a new unit, but a second click may come
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const round = query.get("round") ?? "";
const again = query.get("again") === "true";
const token = document.querySelector("meta[name=write-token]").content;
const place = location.pathname.replace(/code$/, "");

const state = {
  work: null, at: 0, draft: null, active: 0, last: null, shownAt: Infinity, seconds: [], said: "",
};
const outbox = new Outbox({ place, token, changed: () => state.work && drawStatus() });
const drafts = new Drafts(`${place}:${round}`);
const texts = new Texts({ round, arrived });
const words = () => state.work.words;
const unit = () => state.work.units[state.at];

async function begin() {
  const address = `work?round=${encodeURIComponent(round)}&again=${again}`;
  let answer;
  try { answer = await fetch(address); } catch { setTimeout(begin, 2000); return; }
  if (!answer.ok) { location.href = "."; return; }
  state.work = await answer.json();
  // what still waits will have been done, whatever the server knows
  for (const { then } of outbox.waiting) if (then.round === round) Object.assign(unitOf(then.unit) ?? {}, then.held);
  drawRules($("rules-text"), state.work);
  outbox.run();
  go(firstOpen(0));
  $("post").focus();
}

const unitOf = (id) => state.work.units.find((one) => one.id === id);

function firstOpen(from) {
  const all = state.work.units;
  for (let step = 0; step < all.length; step += 1) {
    const index = (from + step) % all.length;
    if (!all[index].done) return index;
  }
  return all.length;
}

// -- moving ---------------------------------------------------------------------------------

function go(index, said = "") {
  if (state.draft) keepDraft();
  if (document.activeElement.matches("#questions textarea")) $("post").focus();
  state.said = said;
  state.at = Math.max(0, Math.min(index, state.work.units.length));
  state.active = 0;
  state.shownAt = Infinity;
  state.draft = unit() ? draftOf(unit()) : null;
  draw();
  texts.fetch(state.work.units, state.at);
}

function arrived(failed) {
  if (unit() && state.shownAt === Infinity) draw();
  if (!failed) texts.fetch(state.work.units, state.at);
}

function draftOf(one) {
  // notes to a code that was refused are not typed twice
  const refused = outbox.refused.find((old) => old.path === "save" && old.then.round === round && old.then.unit === one.id);
  const { memo, confidence } = refused?.body ?? one;
  return { answers: { ...one.answers }, memo, confidence, ...drafts.read(one) };
}

function keepDraft() {
  if (unit()) drafts.keep(unit(), state.draft);
}

// -- answering ------------------------------------------------------------------------------

const questions = () => state.work.variables;
const ready = (time) => state.draft && time >= state.shownAt;
const settled = () => ready(performance.now() - DOUBLE_CLICK);

function choose(variable, choice) {
  const { answers } = state.draft;
  if (variable.level === "multiple") {
    const ticked = answers[choice.id] === "1";
    for (const one of variable.choices) answers[one.id] ??= "0";
    answers[choice.id] = ticked ? "0" : "1";
    state.active = questions().indexOf(variable);
    draw();
    return;
  }
  answers[variable.id] = choice.id;
  const index = questions().indexOf(variable);
  const following = questions()[index + 1] ?? unanswered(questions(), answers);
  if (!following) { save(); return; }
  state.active = questions().indexOf(following);
  draw();
}

function save() {
  const missing = unanswered(questions(), state.draft.answers);
  if (missing) {
    state.active = questions().indexOf(missing);
    say(fill(words().answer_first, { label: missing.label }));
    draw();
    return;
  }
  const one = unit();
  const answers = given(questions(), state.draft.answers);
  if (!Object.keys(answers).length) { go(state.at + 1); return; }
  const seconds = (performance.now() - state.shownAt) / 1000;
  const body = {
    save_id: newId(), round, unit: one.id, version: state.work.version, answers,
    memo: state.draft.memo, confidence: state.draft.confidence, seconds: Math.round(seconds * 10) / 10,
  };
  const before = heldOf(one);
  const corrected = one.done;
  Object.assign(one, { done: true, answers, memo: body.memo, confidence: body.confidence });
  state.last = { save_id: body.save_id, at: state.at, before };
  state.seconds.push(seconds);
  outbox.refused.filter((old) => old.then.unit === one.id).forEach((old) => outbox.forget(old.body.save_id));
  outbox.add("save", body, { round, unit: one.id, held: heldOf(one) });
  drafts.forget(one);
  state.draft = null;
  go(corrected ? state.at + 1 : firstOpen(state.at), `${words().previous}: ${inWords(questions(), answers)}`);
}

const heldOf = ({ done, answers, memo, confidence }) => ({ done, answers, memo, confidence });

function undo() {
  if (!state.last) { say(words().cannot_undo); return; }
  const { save_id, at, before } = state.last;
  const one = state.work.units[at];
  const typed = { memo: one.memo, confidence: one.confidence };
  Object.assign(one, before);
  outbox.add("undo", { save_id: newId(), undoes: save_id }, { round, unit: one.id, held: before });
  state.last = null;
  state.seconds.pop();
  go(at, words().undone);
  Object.assign(state.draft, typed);
  keepDraft();
  draw();
}

// -- drawing --------------------------------------------------------------------------------

function say(text) { state.said = text; $("said").textContent = text; }

function draw() {
  const text = unit() && texts.of(unit());
  const post = $("post");
  if (!unit()) drawEnd();
  else if (text) drawUnit(text, { words: words(), kind: state.work.kind });
  else drawUnit({ title: words()[texts.unreachable ? "not_loaded" : "loading"] }, { words: words() });
  post.setAttribute("aria-busy", String(!text && Boolean(unit())));
  drawQuestions($("questions"), {
    variables: unit() && text ? questions() : [], draft: state.draft, active: state.active, words: words(),
    choose: (variable, choice) => settled() && choose(variable, choice),
    type: (variable, value) => { state.draft.answers[variable.id] = value; keepDraft(); },
  });
  $("memo").value = state.draft?.memo ?? "";
  $("confidence").value = state.draft?.confidence ?? "";
  const corrects = unit()?.done && !state.said;
  $("said").textContent = corrects ? words().corrects : state.said;
  drawStatus();
  if (state.shownAt === Infinity && text) {
    post.scrollTop = 0;
    // shown means painted: a key pressed before that was meant for the unit before
    const { at } = state;
    requestAnimationFrame(() => setTimeout(() => { if (at === state.at) state.shownAt = performance.now(); }));
  }
}

function drawEnd() {
  drawUnit({ title: words().finished, paragraphs: [words().finished_hint] }, { words: words() });
}

function drawStatus() {
  const { units } = state.work;
  drawProgress({ units, at: state.at, words: words(), each: secondsEach(), outbox });
  drawTrouble({ words: words(), outbox, back });
  $("undo").disabled = !state.last;
  $("previous").disabled = state.at === 0;
  for (const id of ["next", "save", "memo", "confidence"]) $(id).disabled = !unit();
}

function secondsEach() {
  const seen = [...state.seconds].sort((a, b) => a - b);
  return seen.length >= 5 ? seen[Math.floor(seen.length / 2)] : state.work.median_seconds;
}

function back(refused) {
  const known = refused.then.round === round && unitOf(refused.then.unit);
  const outdated = refused.word === "not_yours"
    || (refused.word === "other_version" && refused.body.version === state.work.version);
  if (known && outdated) { location.reload(); return; }
  if (!known || refused.path === "undo") outbox.forget(refused.body.save_id);
  if (!known) return;
  if (refused.path === "save") known.done = false;
  go(state.work.units.indexOf(known));
}

// -- keys -----------------------------------------------------------------------------------

const COMMANDS = {
  ArrowLeft: () => go(state.at - 1),
  ArrowRight: () => go(state.at + 1),
  Enter: () => settled() && save(),
  Backspace: () => undo(),
  u: () => undo(),
  e: () => go(firstOpen(unit() ? state.at + 1 : 0)),
  m: () => $("memo").focus(),
  c: () => $("confidence").focus(),
  "/": () => { $("rules-box").open = true; $("search").select(); },
};

function pressed(event) {
  const typing = event.target.matches("textarea, input, select");
  // 229: the Enter that ends a composition, in Safari
  if (event.isComposing || (typing && event.keyCode === 229) || event.altKey || event.metaKey) return;
  if (event.key === "Escape" && typing) { event.preventDefault(); $("post").focus(); return; }
  if (event.ctrlKey) {
    if (event.key === "z" && !typing) { event.preventDefault(); if (ready(event.timeStamp) || !unit()) undo(); }
    if (event.key === "Enter" && ready(event.timeStamp)) { event.preventDefault(); save(); }
    return;
  }
  if (typing) {
    if (leaves(event)) { event.preventDefault(); $("post").focus(); return; }
    const entered = event.key === "Enter" && !event.shiftKey && event.target.matches("#questions textarea");
    if (entered && ready(event.timeStamp)) { event.preventDefault(); $("post").focus(); onward(); }
    return;
  }
  const key = keyOf(event);
  if (key === "Enter" && event.target.matches("button, a, summary")) {
    if (event.repeat) event.preventDefault();
    return;
  }
  const variable = unit() && questions()[state.active];
  const choice = variable?.choices.find((one) => one.key.toLowerCase() === key);
  const command = COMMANDS[key];
  if (!choice && !command) return;
  event.preventDefault();
  // a key that is held down, or was pressed before this unit was on the screen, is not for it
  if (event.repeat && !key.startsWith("Arrow")) return;
  if (unit() && !ready(event.timeStamp) && !key.startsWith("Arrow")) return;
  if (choice) choose(variable, choice);
  else command();
}

// From the memo Enter goes back to the post, from the confidence a digit does.
function leaves(event) {
  if (event.target.id === "memo") return event.key === "Enter" && !event.shiftKey;
  if (event.target.id !== "confidence") return false;
  const digit = keyOf(event);
  if ("123".includes(digit) && state.draft) {
    event.target.value = digit;
    state.draft.confidence = digit;
    keepDraft();
    return true;
  }
  return event.key === "Enter";
}

function onward() {
  if (state.active === questions().length - 1) { save(); return; }
  state.active += 1;
  draw();
}

document.addEventListener("keydown", pressed);
$("memo").addEventListener("input", (event) => { if (state.draft) { state.draft.memo = event.target.value; keepDraft(); } });
$("confidence").addEventListener("change", (event) => { if (state.draft) { state.draft.confidence = event.target.value; keepDraft(); } });
$("search").addEventListener("input", (event) => { $("nothing-found").hidden = searchRules($("rules-text"), event.target.value); });
for (const [id, key] of [["previous", "ArrowLeft"], ["next", "ArrowRight"], ["next-open", "e"], ["undo", "u"], ["save", "Enter"]]) {
  $(id).addEventListener("click", () => COMMANDS[key]());
}
// after a click the space bar scrolls the post, and does not press the button again
$("answers").addEventListener("click", (event) => {
  if (event.detail && document.activeElement.matches("button, body")) $("post").focus();
});
if (matchMedia("(min-width: 801px)").matches) $("rules-box").open = true;
begin();
