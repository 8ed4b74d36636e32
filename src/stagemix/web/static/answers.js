// The answers to a unit: a value for each variable that codes are stored by.

// The first of the QUESTIONS that must be answered and is not.
export function unanswered(questions, answers) {
  return questions.find((variable) => !variable.optional && variable.level !== "multiple"
    && !(answers[variable.id] ?? "").trim());
}

// What is stored; a box that is not ticked is a no.
export function given(questions, answers) {
  return Object.fromEntries(questions.flatMap((variable) => {
    if (variable.level === "multiple") return variable.choices.map((c) => [c.id, answers[c.id] ?? "0"]);
    const value = (answers[variable.id] ?? "").trim();
    // a text that was taken back is stored as a blank
    return value || (variable.level === "text" && variable.id in answers) ? [[variable.id, value]] : [];
  }));
}

export function isChosen(variable, choice, answers) {
  return variable.level === "multiple" ? answers[choice.id] === "1" : answers[variable.id] === choice.id;
}

// The answers in people's words.
export function inWords(questions, answers) {
  return questions.flatMap((variable) => (variable.level === "text"
    ? [answers[variable.id]]
    : variable.choices.filter((c) => isChosen(variable, c, answers)).map((c) => c.label)
  )).filter(Boolean).join(" · ") || "–";
}
