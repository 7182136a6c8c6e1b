// The view of a text: question in, kept and dropped parts out, with a slider for the budget.

import { call, showError } from "./api.js";
import { estimate, ranked, scale } from "./budget.js";
import { byId, el, timings, whole } from "./dom.js";
import { drawParts, markParts } from "./parts.js";
import { read } from "./reading.js";

const PAUSE = 200; // ms that the slider rests before the service is asked
const MOST_UNITS = 200; // in the table of scores
const REASONS = {
  selected: "chosen by its score", pinned: "always kept", required: "needed by another one", fallback: "the best there is",
  score: "score too low", rank: "others score higher", budget: "no room in the budget",
};
const EXAMPLE = {
  question: "When did the bridge open, and what did it cost?",
  text: `The Golden Gate Bridge spans the strait between San Francisco Bay and the Pacific Ocean. Fog is frequent in summer, and its foghorns are heard across the city.

Construction began on 5 January 1933. The bridge opened to pedestrians on 27 May 1937, and to cars one day later. It was finished ahead of schedule and cost 35 million dollars, less than had been planned.

Its colour is called International Orange. Visitors often ask about the paint, which is renewed all year by a team of painters. The gift shop sells mugs, postcards and small models.`,
};

let request = null; // what was asked, without budget
let reply = null;
let drawn = new Map();
let waiting = null; // AbortController of the request on its way
let timer = 0;

/** Makes the view work. */
export function startText() {
  byId("text-form").addEventListener("submit", submit);
  byId("text-example").addEventListener("click", fillIn);
  byId("budget").addEventListener("input", slide);
  byId("automatic").addEventListener("click", () => ask(null));
  byId("kept-only").addEventListener("change", ({ target }) => byId("parts").classList.toggle("kept-only", target.checked));
  byId("copy").addEventListener("click", copy);
  byId("copy").hidden = !navigator.clipboard; // browsers have it on loopback and over HTTPS only
}

function fillIn() {
  byId("text-question").value = EXAMPLE.question;
  byId("text").value = EXAMPLE.text;
  byId("kind").value = "auto";
}

async function submit(event) {
  event.preventDefault();
  request = { query: byId("text-question").value, ...read(byId("text").value, byId("kind").value) };
  reply = null;
  await ask(null);
}

/** Asks the service with a budget, or without one for the policy that goes by the scores. */
async function ask(budget) {
  cancel();
  const mine = new AbortController();
  waiting = mine;
  byId("text-result").setAttribute("aria-busy", "true");
  const start = performance.now();
  try {
    const limits = budget === null ? {} : { budget, on_empty: "drop" };
    const answer = await call("v1/prune", { ...request, ...limits }, mine.signal);
    show(answer, budget, performance.now() - start);
    showError(byId("text-error"));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!reply) visible(false);
    showError(byId("text-error"), error);
  } finally {
    if (waiting === mine && !mine.signal.aborted) byId("text-result").removeAttribute("aria-busy");
  }
}

function show(answer, budget, ms) {
  const first = reply === null;
  reply = answer;
  if (first) {
    drawn = drawParts(byId("parts"), request.text, reply.units);
    Object.assign(byId("budget"), scale(reply.tokens_before));
    visible(true);
  }
  const kept = new Set(reply.units.filter((unit) => unit.kept).map((unit) => unit.index));
  if (budget === null) byId("budget").value = reply.tokens_after;
  byId("automatic").setAttribute("aria-pressed", String(budget === null));
  markParts(drawn, reply.units, kept);
  for (const unit of reply.units) drawn.get(unit.index)?.setAttribute("title", told(unit));
  showCounts(kept.size, reply.tokens_after, true);
  byId("made-by").textContent = `Scorer ${reply.scorer}, policy ${reply.policy}; tokens of ${reply.counter}.`;
  byId("units").replaceChildren(unitTable());
  const seconds = Object.entries(reply.seconds).map(([name, value]) => [name, value * 1000]);
  byId("times").replaceChildren(timings([...seconds, ["whole request", ms]], "Time of each step"));
}

/** The slider moves: what it would keep is shown at once, and asked for when it rests. */
function slide() {
  cancel();
  const budget = Number(byId("budget").value);
  const { kept, tokens } = estimate(reply.units, budget);
  byId("automatic").setAttribute("aria-pressed", "false");
  markParts(drawn, reply.units, kept);
  showCounts(kept.size, tokens, false);
  timer = setTimeout(() => ask(budget), PAUSE);
}

function showCounts(units, tokens, exact) {
  const { length } = reply.units;
  const noun = reply.noun;
  const share = Math.round((100 * tokens) / Math.max(reply.tokens_before, 1));
  byId("tokens-after").textContent = exact ? whole(tokens) : `≈ ${whole(tokens)}`;
  byId("tokens-before").textContent = whole(reply.tokens_before);
  byId("units-after").textContent = whole(units);
  byId("units-before").textContent = whole(length);
  byId("unit-noun").textContent = noun;
  byId("share").textContent = `${share} %`;
  byId("budget").setAttribute("aria-valuetext", `${whole(Number(byId("budget").value))} tokens`);
  if (exact) byId("text-status").textContent = `Kept ${tokens} of ${reply.tokens_before} tokens, ${units} of ${length} ${noun}.`;
}

function unitTable() {
  const best = ranked(reply.units).slice(0, MOST_UNITS);
  const rows = best.map((unit) =>
    el("tr", { class: unit.kept ? null : "dropped" },
      el("td", {}, unit.kept ? "kept" : "dropped"),
      el("td", { class: "number" }, unit.score.toFixed(3)),
      el("td", { class: "number" }, whole(unit.tokens)),
      el("td", {}, REASONS[unit.reason] ?? unit.reason),
      el("td", { class: "what" }, unit.text)));
  const head = ["", "Score", "Tokens", "Why", "Text"].map((name) => el("th", { scope: "col" }, name));
  const rest = reply.units.length - best.length;
  const note = rest ? `Best first; ${whole(rest)} more score lower.` : "Best first.";
  return el("table", { class: "grid" }, el("caption", {}, note), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

function told(unit) {
  return `${unit.kept ? "kept" : "dropped"}: ${REASONS[unit.reason] ?? unit.reason}; score ${unit.score.toFixed(3)}, ${unit.tokens} tokens`;
}

async function copy() {
  await navigator.clipboard.writeText(reply.output);
  byId("text-status").textContent = "Copied.";
}

function visible(there) {
  for (const id of ["text-account", "text-parts", "text-units", "text-times"]) byId(id).hidden = !there;
  byId("text-empty").hidden = there;
}

function cancel() {
  clearTimeout(timer);
  waiting?.abort();
}
