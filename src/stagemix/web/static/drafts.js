// What was typed for a unit and not saved, kept in the browser's own storage.

export class Drafts {
  constructor(place) { this.place = place; }

  key(unit) { return `stagemix:${this.place}:${unit.id}`; }

  read(unit) {
    try { return JSON.parse(localStorage.getItem(this.key(unit))) ?? {}; } catch { return {}; }
  }

  // Keep the draft where it differs from what the unit holds.
  keep(unit, { answers, memo, confidence }) {
    const same = memo === unit.memo && confidence === unit.confidence
      && JSON.stringify(answers) === JSON.stringify(unit.answers);
    if (same) { this.forget(unit); return; }
    try { localStorage.setItem(this.key(unit), JSON.stringify({ answers, memo, confidence })); }
    catch { /* the draft then lives as long as the page */ }
  }

  forget(unit) {
    try { localStorage.removeItem(this.key(unit)); } catch { /* nothing is kept there then */ }
  }
}
