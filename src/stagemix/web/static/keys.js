// Under an input method for Chinese a key may be known only by its place on the keyboard.
export function keyOf(event) {
  const known = event.key !== "Process";
  const [, digit, letter] = /^(?:Digit|Numpad)([0-9])$|^Key([A-Z])$/.exec(event.code) ?? [];
  if (digit && !event.shiftKey && (event.key.length === 1 || !known)) return digit;
  if (event.code === "Slash" && (event.key === "、" || !known)) return "/";
  if (!known) return letter?.toLowerCase() ?? event.code;
  return event.key.length === 1 ? event.key.toLowerCase().normalize("NFKC") : event.key;
}
