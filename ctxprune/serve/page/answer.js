// The answer to a question: its rows or why there are none, and the time that each step took.

import { counted, duration, el, timings, whole } from "./dom.js";
import { drawSql, rowsTable } from "./rows.js";

/** The chosen rows with their SQL, or the refusal. */
export function showAnswer(box, answer) {
  if (answer.refused) {
    box.replaceChildren(el("section", { class: "card refusal" },
      el("h2", {}, "No answer"),
      el("p", {}, answer.reason),
      answer.refusal.kind && el("p", { class: "soft" }, `Kind of refusal: ${answer.refusal.kind}`)));
    return;
  }
  const rows = counted(answer.rows.length, "row");
  const more = answer.truncated ? "; there are more, which were not fetched" : "";
  box.replaceChildren(el("section", { class: "card" },
    el("h2", {}, "Answer"),
    el("p", { class: "soft" }, `${rows}${more}. Confidence ${Math.round(100 * answer.confidence)} %: ${answer.reason}.`),
    drawSql(answer.sql, "SQL that ran"),
    answer.rows.length ? rowsTable(answer.columns, answer.rows, "Rows of the answer") : el("p", {}, "The query gives no rows.")));
}

/** Times of the steps so far; with the trace also what all of it took. */
export function showSteps(box, steps, trace) {
  const tokens = trace && trace.tokens_in + trace.tokens_out > 0;
  const spent = tokens ? `, ${whole(trace.tokens_in)} tokens to models and ${whole(trace.tokens_out)} from them` : "";
  box.replaceChildren(el("section", { class: "card" },
    el("h2", {}, "Timings"),
    timings(steps, "Time of each step"),
    trace && el("p", { class: "soft" }, `${duration(trace.ms)} in all${spent}.`)));
}
