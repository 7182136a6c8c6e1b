// What a token budget would keep, as far as scores tell; the service has the last word.

/**
 * The service's token_budget.v1 without what units require of each other: pinned units, then the others from the best
 * score down (equal ones in source order), passing over what finds no room. Returns {kept: Set of indices, tokens}.
 */
export function estimate(units, budget) {
  const kept = new Set();
  let tokens = 0;
  for (const unit of ranked(units)) {
    if (unit.reason !== "pinned" && tokens + unit.tokens > budget) continue;
    kept.add(unit.index);
    tokens += unit.tokens;
  }
  return { kept, tokens };
}

/** Steps of the slider: at most about 200, the last one at or just above `tokens`. */
export function scale(tokens) {
  const step = Math.max(1, Math.ceil(tokens / 200));
  return { step, max: Math.ceil(tokens / step) * step };
}

/** Units as a budget takes them. */
export function ranked(units) {
  const pinned = (unit) => Number(unit.reason === "pinned");
  return [...units].sort((a, b) => pinned(b) - pinned(a) || b.score - a.score || a.index - b.index);
}
