// Elements from data. Text goes in as text nodes only, so that no content can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `attributes` by name (functions are listeners, false and null are left out). */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** The element of the page with that id. */
export function byId(id) {
  return document.getElementById(id);
}

/** "1 table", "2 tables", "1,234 tables". */
export function counted(number, noun) {
  return `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A whole number with separators, the same in every locale as the page is in English. */
export function whole(number) {
  return number.toLocaleString("en");
}

/** Milliseconds as a reader wants them. */
export function duration(ms) {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** Rows of names and milliseconds, with bars relative to the longest. */
export function timings(entries, caption) {
  const most = Math.max(...entries.map(([, ms]) => ms), 0.001);
  const rows = entries.map(([name, ms]) => {
    const width = Math.max((100 * ms) / most, 0.5);
    const bar = svg("svg", { class: "bar", viewBox: "0 0 100 16", preserveAspectRatio: "none" }, svg("rect", { width, height: 16 }));
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, duration(ms)),
      el("td", { class: "bars", "aria-hidden": "true" }, bar));
  });
  return el("table", { class: "times" }, el("caption", { class: "unseen" }, caption), el("tbody", {}, ...rows));
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
