// A coder's own page sends what still waits in this browser: the codes of a round made offline,
// or before the personal link was opened again.

import { fill } from "./draw.js";
import { Outbox } from "./outbox.js";

const box = document.getElementById("waiting");
const token = document.querySelector("meta[name=write-token]").content;
let waited = false;

const outbox = new Outbox({ place: location.pathname, token, changed: draw });

function draw() {
  const n = outbox.waiting.length;
  if (waited && !n) { location.reload(); return; } // the figures of the page are of before
  waited = n > 0;
  box.hidden = !n;
  box.textContent = fill(outbox.trouble ? box.dataset.offline : box.dataset.sending, { n });
}

draw();
outbox.run();
