// A text cut into what was kept, what was dropped, and what stands between.

import { el } from "./dom.js";

/** The text as elements, one for each unit, by the unit's index; what stands between units is plain text. */
export function drawParts(box, text, units) {
  const slice = slicer(text);
  const drawn = new Map();
  const nodes = [];
  let at = 0;
  for (const unit of units) {
    const [start, end] = unit.span ?? [at, at];
    if (start < at) continue; // within another unit
    const part = el("span", { class: "unit" }, unit.span ? slice(start, end) : `${unit.text}\n`);
    nodes.push(slice(at, start), part);
    drawn.set(unit.index, part);
    at = end;
  }
  box.replaceChildren(...nodes, slice(at));
  return drawn;
}

/** Marks what is dropped: by its look, and by its role for those who do not see it. */
export function markParts(drawn, units, kept) {
  for (const unit of units) {
    const part = drawn.get(unit.index);
    if (!part) continue;
    const stays = kept.has(unit.index);
    part.classList.toggle("dropped", !stays);
    if (stays) part.removeAttribute("role");
    else part.setAttribute("role", "deletion");
  }
}

/** Spans count characters; JavaScript's texts count UTF-16 units, of which some characters take two. */
function slicer(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (start, end) => text.slice(start, end);
  const characters = Array.from(text);
  return (start, end) => characters.slice(start, end).join("");
}
