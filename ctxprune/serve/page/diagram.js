// A linked schema as a diagram: tables as boxes with their kept columns, keys as lines.

import { svg } from "./dom.js";
import { HEAD, ROW, clip, columnsOf, layOut, route } from "./layout.js";

const LETTER = 7.3; // width of one column of the diagram's monospaced font
const MOST_COLUMNS = 14; // of a table that are drawn; the list below the diagram has all

/**
 * The diagram of a linked schema, `room` pixels wide if it can be. `show(table)` is called when a table is pointed at or
 * focused; arrow keys go from table to table.
 */
export function drawDiagram(linked, room, show) {
  const tables = linked.tables.map((table) => boxOf(table, linked));
  const places = new Map(tables.map((table, place) => [table.name, place]));
  const keys = linked.schema.foreign_keys.filter((key) => places.has(key.table) && places.has(key.ref_table));
  const pairs = keys.map((key) => [places.get(key.table), places.get(key.ref_table)]);
  const plan = layOut(tables, pairs, room);
  const groups = tables.map((table, place) => drawTable(table, plan.boxes[place]));
  const lines = keys.map((key, number) => {
    const [from, to] = pairs[number];
    const end = (place, column) => [plan.boxes[place], plan.boxes[place].y + rowOf(tables[place], column)];
    return svg("path", { class: "line", d: route(end(from, key.columns[0]), end(to, key.ref_columns[0])) });
  });
  const choose = (place) => {
    groups.forEach((group, other) => group.classList.toggle("chosen", other === place));
    lines.forEach((line, number) => line.classList.toggle("chosen", pairs[number].includes(place)));
    show(linked.tables[place]);
  };
  rove(groups, choose);
  return svg("svg", {
    class: "diagram", width: plan.width, height: plan.height, viewBox: `0 0 ${plan.width} ${plan.height}`,
    role: "group", "aria-label": `Linked schema: ${tables.map((table) => table.name).join(", ")}. Arrow keys go from table to table.`,
  }, ...lines, ...groups);
}

function boxOf(table, linked) {
  const known = linked.schema.tables.find(({ name }) => name === table.name);
  const values = new Set(linked.hits.filter((hit) => hit.table === table.name).map((hit) => hit.column));
  const columns = table.columns.map(({ name }) => {
    const column = known.columns.find((other) => other.name === name);
    return { name, type: column.type, primary: column.primary_key, value: values.has(name) };
  });
  const shown = columns.slice(0, MOST_COLUMNS);
  const rest = columns.length - shown.length;
  const longest = Math.max(columnsOf(table.name) + 6, ...shown.map(({ name, type }) => columnsOf(name) + columnsOf(type) + 7));
  return { name: table.name, score: table.score, columns: shown, rest, rows: shown.length + (rest ? 1 : 0), wants: longest * LETTER + 20 };
}

function drawTable(table, { x, y, width, height }) {
  const letters = Math.floor((width - 20) / LETTER);
  const rows = table.columns.map((column, number) => drawColumn(column, HEAD + ROW * number, width, letters));
  const said = table.columns.map((column) => (column.primary ? `${column.name} (primary key)` : column.name)).join(", ");
  return svg("g", { class: "table", transform: `translate(${x} ${y})`, tabindex: "-1", role: "img", "aria-label": `Table ${table.name}: ${said}` },
    svg("rect", { class: "box", width, height, rx: 6 }),
    svg("text", { class: "name", x: 10, y: 22 }, clip(table.name, letters - 5)),
    svg("text", { class: "side", x: width - 10, y: 22 }, table.score.toFixed(2)),
    ...rows.flat(),
    table.rest ? svg("text", { class: "side start", x: 10, y: HEAD + ROW * table.columns.length + 15 }, `and ${table.rest} more`) : "");
}

function drawColumn({ name, type, primary, value }, top, width, letters) {
  const mark = `${primary ? "◆" : ""}${value ? "“" : ""}`;
  const shown = clip(name, letters - 3);
  const room = letters - columnsOf(shown) - 5;
  return [
    value && svg("rect", { class: "value", x: 4, y: top, width: width - 8, height: ROW - 1, rx: 3 }),
    svg("text", { class: "mark", x: 10, y: top + 15 }, mark),
    svg("text", { class: "column", x: 10 + 2.5 * LETTER, y: top + 15 }, shown),
    room >= 3 && svg("text", { class: "side", x: width - 10, y: top + 15 }, clip(type, room)),
  ].filter(Boolean);
}

/** How far below the top of its box a column's line ends; the last row stands for those that are not drawn. */
function rowOf(table, name) {
  const found = table.columns.findIndex((column) => column.name === name);
  return HEAD + ROW * (found < 0 ? table.rows - 1 : found) + ROW / 2;
}

/** One stop of the tab key for all tables. */
function rove(groups, choose) {
  groups.forEach((group, place) => {
    group.tabIndex = place ? -1 : 0;
    group.addEventListener("focus", () => choose(place));
    group.addEventListener("mouseenter", () => choose(place));
    group.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = groups[place + step];
      if (!next) return;
      group.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
      event.preventDefault();
    });
  });
}
