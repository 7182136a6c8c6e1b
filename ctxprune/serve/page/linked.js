// The linked schema: its account, the diagram, and the reasons as a list.

import { drawDiagram } from "./diagram.js";
import { counted, el, whole } from "./dom.js";

/** `linked` is the document of /v1/sql/link; `full` the whole schema, to name what was dropped. */
export function showLinked(box, linked, full) {
  const frame = el("div", { class: "frame" });
  const reasons = el("div", { class: "reasons", role: "region", "aria-label": "Reasons of a table", tabindex: "0", "aria-live": "polite" });
  const show = (table) => reasons.replaceChildren(el("h3", {}, "Why ", el("code", {}, table.name)), reasonTable(table));
  if (linked.tables.length) show(linked.tables.reduce((best, table) => (table.score > best.score ? table : best)));
  box.replaceChildren(el("section", { class: "card" },
    el("h2", {}, "Linked schema"),
    account(linked),
    hits(linked.hits),
    frame,
    legend(linked),
    reasons,
    el("details", {}, el("summary", {}, "Reasons of all tables"), ...linked.tables.map(tableReasons)),
    dropped(linked, full)));
  redraw(frame, (width) => drawDiagram(linked, width, show));
}

function redraw(frame, draw) {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - width) < 20) return; // such as a scroll bar that comes or goes
    width = contentRect.width;
    frame.replaceChildren(draw(width));
  }).observe(frame);
}

function account(linked) {
  const of = (after, before, noun) => `${whole(after)} of ${counted(before, noun)}`;
  const { tokens_before: before, tokens_after: after, tokenizer } = linked;
  const facts = [
    of(linked.tables_after, linked.tables_before, "table"),
    of(linked.columns_after, linked.columns_before, "column"),
    tokenizer && `${of(after, before, "token")} (${tokenizer})`,
  ];
  return el("p", { class: "soft" }, facts.filter(Boolean).join(", "));
}

function hits(found) {
  if (!found.length) return "";
  const entries = found.map((hit) => el("li", {}, el("span", { class: "why value" }, hit.value), " in ", el("code", {}, `${hit.table}.${hit.column}`)));
  return el("div", {}, el("h3", {}, "Values that the question mentions"), el("ul", { class: "plain" }, ...entries));
}

function legend(linked) {
  const marks = ["◆ primary key"];
  if (linked.hits.length) marks.push("“ holds a value of the question");
  if (linked.schema.foreign_keys.length) marks.push("lines: keys");
  return el("p", { class: "soft" }, `${marks.join(" · ")}. Point at a table, or go there with the Tab and arrow keys, to see why it is kept.`);
}

function tableReasons(table) {
  const about = `score ${table.score.toFixed(2)}, ${counted(table.columns.length, "column")}`;
  return el("div", {}, el("h3", {}, el("code", {}, table.name), " ", el("span", { class: "soft" }, about)), reasonTable(table));
}

function reasonTable(table) {
  const rows = table.columns.map((column) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, column.name)),
      el("td", { class: "number" }, column.score.toFixed(2)),
      el("td", {}, ...column.reasons.flatMap((reason) => [drawReason(reason), " "]))));
  return el("table", { class: "grid why-table" }, el("caption", { class: "unseen" }, `Why columns of ${table.name} were kept`), el("tbody", {}, ...rows));
}

function drawReason(text) {
  const kind = text.startsWith("value:") ? "value" : /^(joins |primary key)/.test(text) ? "joined" : "";
  return el("span", { class: `why ${kind}` }, text);
}

function dropped(linked, full) {
  const kept = new Map(linked.tables.map((table) => [table.name, new Set(table.columns.map(({ name }) => name))]));
  const gone = (full?.tables ?? []).map(({ name, columns }) => {
    const left = columns.map((column) => column.name).filter((column) => !kept.get(name)?.has(column));
    return left.length ? [name, left, kept.has(name)] : null;
  }).filter(Boolean);
  if (!gone.length) return "";
  const entries = gone.map(([name, columns, part]) =>
    el("li", {}, el("code", {}, name), el("span", { class: "soft" }, part ? `: ${columns.join(", ")}` : " as a whole")));
  return el("details", {}, el("summary", {}, "What was dropped"), el("ul", { class: "plain" }, ...entries));
}
