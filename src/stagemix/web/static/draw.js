// Building the parts of the coding page. Texts are set as text, never as markup.

import { isChosen } from "./answers.js";

const $ = (id) => document.getElementById(id);

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function drawUnit(text, { words, kind = "post" }) {
  $("title").textContent = text.title || "";
  const meta = [text.account, text.time, text.form, text.links ? fill(words.links, { n: text.links }) : ""].filter(Boolean);
  $("meta").replaceChildren(meta.join(" · "));
  if (text.url) {
    const link = make("a", { href: text.url, target: "_blank", rel: "noopener noreferrer", textContent: words.original });
    $("meta").append(meta.length ? " · " : "", link);
  }
  $("details").replaceChildren(...(text.details ?? []).flatMap(([name, value]) => detail(name, value, words)));
  const paragraphs = (text.paragraphs ?? []).map((line) => make("p", { textContent: line }));
  const empty = text.id && !paragraphs.length && kind === "post";
  $("text").replaceChildren(...(empty ? [make("p", { className: "note", textContent: words.no_text })] : paragraphs));
}

function detail(name, value, words) {
  const shown = make("dd");
  for (const part of value.split(/(https?:\/\/[^\s<>"'；，,;]+)/)) {
    const address = /^https?:\/\//.test(part);
    shown.append(address ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer", textContent: part }) : part);
  }
  return [make("dt", { textContent: name === "posts" ? words.about_posts : name }), shown];
}

export function drawQuestions(box, { variables, draft, active, words, choose, type }) {
  const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.replaceChildren(...variables.map((variable, index) => {
    const hint = variable.optional ? words.optional : variable.level === "multiple" ? words.tick_all : "";
    const legend = make("legend", {}, variable.question, " ", make("small", { textContent: hint }));
    const current = index === active && variables.length > 1;
    const answer = variable.level === "text"
      ? textAnswer(variable, draft, type)
      : make("div", { className: "choices" }, ...variable.choices.map((c) => button(variable, c, draft, choose)));
    return make("fieldset", { className: current ? "active" : "" }, legend, answer);
  }));
  if (focused) document.getElementById(focused)?.focus();
  const now = variables[active];
  if (now?.level === "text") document.getElementById(`q-${now.id}`)?.focus();
}

function textAnswer(variable, draft, type) {
  const area = make("textarea", { id: `q-${variable.id}`, rows: 2, maxLength: 5000, value: draft.answers[variable.id] ?? "" });
  area.setAttribute("aria-label", variable.question);
  area.addEventListener("input", () => type(variable, area.value));
  return area;
}

function button(variable, choice, draft, choose) {
  const on = isChosen(variable, choice, draft.answers);
  const element = make("button", { type: "button", className: "choice", id: `q-${variable.id}-${choice.id}`, title: choice.definition },
    choice.label, make("kbd", { textContent: choice.key }));
  element.setAttribute("aria-pressed", String(on));
  if (choice.key) element.setAttribute("aria-keyshortcuts", choice.key);
  element.addEventListener("click", () => choose(variable, choice));
  return element;
}

export function drawRules(box, work) {
  const { words } = work;
  const parts = [];
  for (const variable of work.variables) {
    parts.push(make("h2", { textContent: variable.question }));
    const rules = variable.rules.map((rule) => make("li", { textContent: rule }));
    if (rules.length) parts.push(make("ol", {}, ...rules));
    for (const choice of variable.choices) {
      const lines = [make("h3", { textContent: `${choice.key} ${choice.label}` }), make("p", { textContent: choice.definition })];
      if (choice.include.length) lines.push(make("p", { textContent: `${words.include}：${choice.include.join("；")}` }));
      if (choice.exclude.length) lines.push(make("p", { textContent: `${words.exclude}：${choice.exclude.join("；")}` }));
      parts.push(make("section", { className: "rule" }, ...lines));
    }
  }
  box.replaceChildren(...parts);
}

// Returns whether anything was found.
export function searchRules(box, wanted) {
  const needle = wanted.trim().toLowerCase();
  let found = false;
  for (const one of box.querySelectorAll("li, section.rule")) {
    const fits = one.textContent.toLowerCase().includes(needle);
    one.hidden = !fits;
    found ||= fits;
  }
  for (const heading of box.querySelectorAll(":scope > h2")) heading.hidden = needle !== "";
  return found;
}
