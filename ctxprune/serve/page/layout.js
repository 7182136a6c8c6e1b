// Where the boxes of a schema diagram stand, and how its key lines run. Numbers are SVG units, which are CSS pixels.

export const ROW = 22;
export const HEAD = 34;
const GAP_X = 56;
const GAP_Y = 24;
const MARGIN = 28; // room for key lines beside the outer boxes
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u;

/**
 * Places boxes, of which each knows its `rows`, in columns of equal width, related ones near each other.
 * `keys` are pairs of places in `boxes`. Returns {width, height, boxes: [{x, y, width, height, column}]}.
 */
export function layOut(boxes, keys, room) {
  const width = Math.min(Math.max(180, ...boxes.map((box) => box.wants)), 280, Math.max(room - 2 * MARGIN, 160));
  const fits = Math.max(1, Math.floor((room - 2 * MARGIN + GAP_X) / (width + GAP_X)));
  const count = Math.min(fits, boxes.length);
  const bottoms = new Array(count).fill(MARGIN / 2);
  const placed = new Array(boxes.length);
  for (const place of walk(boxes.length, keys)) {
    const height = HEAD + ROW * boxes[place].rows + 8;
    const column = best(bottoms, neighbours(place, keys).map((other) => placed[other]?.column).filter((at) => at !== undefined));
    placed[place] = { x: MARGIN + column * (width + GAP_X), y: bottoms[column], width, height, column };
    bottoms[column] += height + GAP_Y;
  }
  return {
    width: 2 * MARGIN + count * width + (count - 1) * GAP_X,
    height: Math.max(...bottoms) - GAP_Y + MARGIN / 2,
    boxes: placed,
  };
}

/** The path of a key line between two rows: [box, y] and [box, y]. */
export function route([from, y1], [to, y2]) {
  if (from.column === to.column) {
    const x = from.x + from.width;
    return `M${x} ${y1}C${x + 32} ${y1} ${x + 32} ${y2} ${x} ${y2}`;
  }
  const forward = from.column < to.column;
  const [x1, x2] = forward ? [from.x + from.width, to.x] : [from.x, to.x + to.width];
  const bend = forward ? GAP_X * 0.7 : -GAP_X * 0.7;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** A text cut to so many columns of a monospaced font, with an ellipsis where something is missing. */
export function clip(text, columns) {
  let used = 0;
  let shown = "";
  for (const character of text) {
    used += WIDE.test(character) ? 2 : 1;
    if (used > columns) return `${Array.from(shown).slice(0, -1).join("")}…`;
    shown += character;
  }
  return shown;
}

/** Columns of a monospaced font that a text takes. */
export function columnsOf(text) {
  return Array.from(text).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

/** Places in breadth-first order, beginning at the box with the most keys. */
function walk(size, keys) {
  const links = Array.from({ length: size }, (_, place) => neighbours(place, keys));
  const starts = links.map((_, place) => place).sort((a, b) => links[b].length - links[a].length || a - b);
  const found = new Set();
  for (const start of starts) {
    found.add(start);
    for (const place of found) links[place].forEach((other) => found.add(other)); // a set is walked as it grows
  }
  return found;
}

function neighbours(place, keys) {
  return keys.filter((pair) => pair.includes(place)).map(([a, b]) => (a === place ? b : a)).filter((other) => other !== place);
}

/** The column that is short, and next to those of related boxes rather than far from them or among them. */
function best(bottoms, related) {
  const cost = (column) => related.reduce((sum, at) => sum + (at === column ? 60 : 40 * (Math.abs(at - column) - 1)), bottoms[column]);
  const costs = bottoms.map((_, column) => cost(column));
  return costs.indexOf(Math.min(...costs));
}
