// Saves wait here, in the browser's own storage, until the server says that they are on disk.
// Each has an id, so that sending it again never stores it twice.

const WAITS = [1000, 2000, 5000, 10000];

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  constructor({ place, token, changed }) {
    this.key = `stagemix:${place}`;
    this.place = place;
    this.token = token;
    this.changed = changed;
    this.trouble = null; // {kind: "offline" | "session" | "disk", why}
    this.kept = true; // whether the browser keeps what waits
    this.failures = 0;
    this.memory = { waiting: [], refused: [] };
    this.running = false;
    this.read();
    addEventListener("online", () => this.hurry());
    addEventListener("storage", (event) => event.key === this.key && this.read());
    addEventListener("beforeunload", (event) => {
      if (this.waiting.length && !this.kept) event.preventDefault();
    });
  }

  get waiting() { return this.memory.waiting; }
  get refused() { return this.memory.refused; }

  read() {
    try {
      const held = localStorage.getItem(this.key);
      if (held) this.memory = JSON.parse(held);
    } catch { this.kept = false; }
  }

  // Another tab of the same coder may have added or sent saves meanwhile.
  update(change) {
    if (this.kept) this.read(); // else the page knows more than the browser's storage
    change(this.memory);
    try { localStorage.setItem(this.key, JSON.stringify(this.memory)); this.kept = true; }
    catch { this.kept = false; }
    this.changed();
  }

  // THEN says what the unit holds once BODY is stored: {round, unit, held}.
  add(path, body, then) {
    this.update((held) => held.waiting.push({ path, body, then }));
    this.run();
  }

  forget(saveId) {
    this.update((held) => { held.refused = held.refused.filter((one) => one.body.save_id !== saveId); });
  }

  hurry() {
    clearTimeout(this.timer);
    this.timer = null;
    this.run();
  }

  async run() {
    if (this.running || this.timer) return;
    this.running = true;
    while (this.waiting.length) {
      if (!(await this.send(this.waiting[0]))) {
        const wait = WAITS[Math.min(this.failures, WAITS.length - 1)];
        this.failures += 1;
        this.timer = setTimeout(() => this.hurry(), wait);
        break;
      }
      this.failures = 0;
    }
    this.running = false;
    this.changed();
  }

  // Returns whether the save is settled, stored or refused.
  async send(one) {
    let answer;
    try {
      answer = await fetch(one.path, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Write-Token": this.token },
        body: JSON.stringify(one.body),
        signal: AbortSignal.timeout(15000),
      });
    } catch {
      this.trouble = { kind: "offline" };
      this.changed();
      return false;
    }
    const said = await answer.json().catch(() => ({}));
    const settled = this.settle(one, answer.status, said);
    this.changed();
    return settled;
  }

  settle(one, status, said) {
    const done = (held) => {
      held.waiting = held.waiting.filter((other) => other.body.save_id !== one.body.save_id);
    };
    if (status === 200 && said.saved === one.body.save_id) {
      this.trouble = null;
      this.update(done);
      return true;
    }
    if (status === 409 || status === 422) {
      this.trouble = null;
      this.update((held) => { done(held); held.refused.push({ ...one, word: said.word }); });
      return true;
    }
    this.trouble = status === 401 || status === 403 || status === 404
      ? { kind: "session" }
      : { kind: said.word === "disk" ? "disk" : "offline", why: said.why ?? "" };
    return false;
  }
}
