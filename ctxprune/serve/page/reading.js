// How a pasted text is read: what kind it is, and what a web page says.

const PAGE = /^\s*(<!doctype html|<(html|head|body|main|article|section|div|h[1-6]|p|table|ul)[\s>])/i;
const HEADING = /^H[1-6]$/;
const BLOCK = /^(ADDRESS|ARTICLE|ASIDE|BLOCKQUOTE|BODY|CAPTION|DD|DIV|DL|DT|FIELDSET|FIGCAPTION|FIGURE|FOOTER|FORM|H[1-6]|HEADER|HR|LI|MAIN|NAV|OL|P|PRE|SECTION|TABLE|TR|UL)$/;
const SILENT = /^(HEAD|IFRAME|NOSCRIPT|OBJECT|SCRIPT|STYLE|SVG|TEMPLATE)$/i;

/** The body of a prune request without question and budget. */
export function read(text, kind) {
  const page = kind === "html" || (kind === "auto" && PAGE.test(text));
  return page ? { kind: "markdown", text: pageText(text) } : { kind, text };
}

/** The text of a page as Markdown: headings, list items and paragraphs on lines of their own. Nothing in it is run. */
function pageText(source) {
  const lines = [""];
  write(new DOMParser().parseFromString(source, "text/html").body, lines, false);
  return lines.map((line) => line.trimEnd()).filter((line) => /[^#\s-]/.test(line)).join("\n\n");
}

function write(node, lines, exact) {
  if (node.nodeType === Node.TEXT_NODE) {
    const text = exact ? node.data : node.data.replace(/\s+/g, " ");
    lines.push((lines.pop() + text).replace(/^ +/, exact ? "$&" : ""));
    return;
  }
  if (node.nodeType !== Node.ELEMENT_NODE || SILENT.test(node.nodeName)) return;
  const block = BLOCK.test(node.nodeName);
  if (block || node.nodeName === "BR") lines.push("");
  if (HEADING.test(node.nodeName)) lines.push(`${"#".repeat(Number(node.nodeName[1]))} `);
  if (node.nodeName === "LI") lines.push("- ");
  if (/^T[DH]$/.test(node.nodeName) && node.previousElementSibling) lines.push(`${lines.pop().trimEnd()} | `);
  for (const child of node.childNodes) write(child, lines, exact || node.nodeName === "PRE");
  if (block) lines.push("");
}
