// The answer to a question: its rows or why there are none, and the time that each step took.

import { counted, duration, el, timings, whole } from "./dom.js";
import { drawSql, rowsTable } from "./rows.js";

/** The chosen rows with their SQL, or the refusal. */
export function showAnswer(box, answer) {
  if (answer.refused) {
    box.replaceChildren(el("section", { class: "card refusal" },
      el("h2", {}, "No answer"),
      el("p", {}, answer.reason),
      reserve(answer),
      answer.refusal.kind && el("p", { class: "soft" }, `Kind of refusal: ${answer.refusal.kind}`)));
    return;
  }
  const rows = counted(answer.rows.length, "row");
  const more = answer.truncated ? "; there are more, which were not fetched" : "";
  const tentative = answer.outcome === "tentative";
  box.replaceChildren(el("section", { class: tentative ? "card tentative" : "card" },
    el("h2", {}, tentative ? "Tentative answer" : "Answer"),
    reserve(answer),
    el("p", { class: "soft" }, `${rows}${more}. Confidence ${Math.round(100 * answer.confidence)} %: ${answer.reason}.`),
    drawSql(answer.sql, "SQL that ran"),
    answer.rows.length ? rowsTable(answer.columns, answer.rows, "Rows of the answer") : el("p", {}, "The query gives no rows.")));
}

/** What of the question was not used, what is doubted, the other reading, and a question back; nothing for a sure answer. */
function reserve(answer) {
  const lines = [
    ...answer.doubts.map(({ message }) => message),
    ...(answer.question_back ? [answer.question_back] : []),
  ];
  if (!lines.length && !answer.other_sql) return null;
  return el("div", {},
    el("ul", { class: "doubts" }, ...lines.map((line) => el("li", {}, line))),
    answer.other_sql && drawSql(answer.other_sql, "Another reading"));
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
