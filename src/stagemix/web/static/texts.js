// The texts of a round's units, fetched before they are needed.

const AHEAD = 40;
const AGAIN = 2000; // ms until the next try without a connection

export class Texts {
  constructor({ round, arrived }) {
    this.round = round;
    this.arrived = arrived;
    this.held = new Map();
    this.fetching = new Set();
    this.unreachable = false;
  }

  of(unit) { return this.held.get(unit.id); }

  // Fetch what is missing around the place AT among UNITS.
  async fetch(units, at) {
    clearTimeout(this.retry);
    const near = [...units.slice(at, at + AHEAD), ...units.slice(Math.max(0, at - 3), at)];
    const missing = near.filter((one) => !this.held.has(one.id) && !this.fetching.has(one.id));
    if (!near.slice(0, AHEAD / 2).some((one) => missing.includes(one))) return;
    // the one on the screen first, by itself, so that nobody waits for the rest
    const wanted = missing[0] === units[at] ? [units[at]] : few(missing);
    wanted.forEach((one) => this.fetching.add(one.id));
    const ids = JSON.stringify(wanted.map((one) => one.id));
    try {
      const answer = await fetch(`units?round=${encodeURIComponent(this.round)}&ids=${encodeURIComponent(ids)}`);
      if (!answer.ok) throw new Error(String(answer.status));
      for (const text of await answer.json()) this.held.set(text.id, text);
      this.unreachable = false;
    } catch {
      this.unreachable = true;
    }
    wanted.forEach((one) => this.fetching.delete(one.id));
    if (this.unreachable) this.retry = setTimeout(() => this.arrived(), AGAIN);
    this.arrived(this.unreachable);
  }
}

// As many as fit into an address; ids may be file names of many Chinese characters.
function few(units) {
  let room = 6000;
  return units.filter((one, place) => (room -= encodeURIComponent(one.id).length + 9) > 0 || place === 0);
}
