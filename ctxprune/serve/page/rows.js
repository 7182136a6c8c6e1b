// SQL, and result rows as a table.

import { counted, el, whole } from "./dom.js";

const MOST_ROWS = 100; // drawn unasked
const MOST_CELLS = 2000; // of them
const LONG = 200; // characters of a value that are shown

/** Rows under their column names, in a region that scrolls; a button brings those beyond the first. */
export function rowsTable(columns, rows, label) {
  const numbers = columns.map((_, place) => rows.some((row) => isNumber(row[place])));
  const draw = (row) => el("tr", {}, ...row.map((value, place) => drawCell(value, numbers[place])));
  const most = Math.min(MOST_ROWS, Math.max(5, Math.floor(MOST_CELLS / columns.length)));
  const body = el("tbody", {}, ...rows.slice(0, most).map(draw));
  const head = el("tr", {}, ...columns.map((name, place) => el("th", { scope: "col", class: numbers[place] && "number" }, name)));
  const table = el("table", { class: "grid rows" }, el("thead", {}, head), body);
  const region = el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
  if (rows.length <= most) return region;
  const more = el("button", { type: "button", click: () => {
    body.append(...rows.slice(most).map(draw));
    more.remove();
    region.focus();
  } }, `Show all ${counted(rows.length, "row")}`);
  return el("div", {}, region, el("p", {}, more, " ", el("span", { class: "soft" }, `the first ${whole(most)} are shown`)));
}

/** A statement in a region that scrolls. */
export function drawSql(text, label) {
  return el("pre", { class: "sql", tabindex: "0", role: "region", "aria-label": label }, el("code", {}, text));
}

function drawCell(value, among) {
  if (value === null) return el("td", { class: among ? "null number" : "null" }, "NULL");
  if (isNumber(value)) return el("td", { class: "number" }, String(value));
  const text = String(value);
  if (text.length <= LONG) return el("td", {}, el("div", { class: "cell" }, text));
  const rest = `… and ${counted(text.length - LONG, "character")} more`;
  return el("td", {}, el("div", { class: "cell" }, text.slice(0, LONG), el("span", { class: "soft" }, rest)));
}

function isNumber(value) {
  return typeof value === "number" || typeof value === "bigint";
}
