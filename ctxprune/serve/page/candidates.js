// Every candidate with its result, those with equal results together.

import { counted, duration, el } from "./dom.js";
import { drawSql, rowsTable } from "./rows.js";

/** `samples` are the first rows of each candidate, by its place. */
export function showCandidates(box, trace, samples) {
  if (!trace.candidates.length) return;
  const draw = (place) => drawCandidate(trace.candidates[place], place, place === trace.chosen);
  const groups = trace.groups.map((places, number) => {
    const ordered = [...places].sort((a, b) => Number(b === trace.chosen) - Number(a === trace.chosen));
    const title = `Result ${number + 1}: ${places.length === 1 ? "1 candidate" : `${places.length} candidates agree`}`;
    return drawGroup(title, drawRows(trace.candidates[ordered[0]], samples[ordered[0]], number), ordered.map(draw));
  });
  const grouped = new Set(trace.groups.flat());
  const failed = trace.candidates.map((_, place) => place).filter((place) => !grouped.has(place));
  if (failed.length) groups.push(drawGroup("Without a result", "", failed.map(draw)));
  box.replaceChildren(el("section", { class: "card" },
    el("h2", {}, "Candidates"),
    el("p", { class: "soft" }, `${counted(trace.candidates.length, "candidate")}; those with equal results stand together.`),
    ...groups));
}

function drawGroup(title, rows, items) {
  return el("section", { class: "group" }, el("h3", {}, title), rows, el("ol", { class: "candidates" }, ...items));
}

function drawRows(candidate, sample, number) {
  const first = sample?.first ?? [];
  const rest = (candidate.rows ?? 0) - first.length;
  if (!first.length) return el("p", { class: "soft" }, "No rows.");
  const more = rest > 0 ? el("p", { class: "soft" }, `and ${counted(rest, "more row")}`) : "";
  return el("div", {}, rowsTable(candidate.columns, first, `First rows of result ${number + 1}`), more);
}

function drawCandidate(candidate, place, chosen) {
  const sql = candidate.ran || candidate.sql;
  const rows = candidate.rows === null ? "" : counted(candidate.rows, "row");
  const facts = [candidate.generator, candidate.path, `score ${candidate.score.toFixed(2)}`, rows, duration(candidate.execution_ms)];
  return el("li", { class: chosen ? "chosen" : null },
    el("p", {}, el("strong", {}, `#${place + 1}`), " ", chosen && el("span", { class: "badge" }, "chosen"), " ",
      el("span", { class: "soft" }, facts.filter(Boolean).join(" · "))),
    sql && drawSql(sql, `SQL of candidate ${place + 1}`),
    candidate.error && el("p", { class: "failure" }, el("strong", {}, "Failed: "), candidate.error),
    candidate.repairs.length ? drawRepairs(candidate.repairs, place) : "",
    candidate.notes.length ? el("p", { class: "soft" }, candidate.notes.join("; ")) : "");
}

function drawRepairs(texts, place) {
  return el("details", {}, el("summary", {}, `Repaired: ${counted(texts.length, "earlier text")}`),
    ...texts.map((text) => drawSql(text, `Earlier SQL of candidate ${place + 1}`)));
}
