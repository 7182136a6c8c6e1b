// The view of a database: question in, rows out, and how they came about, as far as it is known at each moment.

import { call, showError, stream } from "./api.js";
import { showAnswer, showSteps } from "./answer.js";
import { showCandidates } from "./candidates.js";
import { byId, counted, el } from "./dom.js";
import { showLinked } from "./linked.js";

const MOST_TABLES = 100; // written out before a question is asked
const DOING = {
  screen: "Looking at the question", values: "Looking up values", link: "Linking the schema", examples: "Reading examples",
  generate: "Writing SQL", names: "Checking names", execute: "Running candidates", select: "Choosing",
};
const PARTS = ["ask-error", "answer", "linked", "candidates", "steps"];

let databases = [];
let waiting = null;

/** Makes the view work. */
export function startDatabase() {
  byId("ask-form").addEventListener("submit", ask);
  byId("stop").addEventListener("click", () => waiting.abort());
  byId("database").addEventListener("change", () => {
    clear();
    showSchema();
  });
  loadDatabases().catch((error) => showError(byId("ask-error"), error));
}

/** Fetches which databases there are. Throws as `call`. */
export async function loadDatabases() {
  ({ databases } = await call("v1/databases"));
  byId("database").replaceChildren(...databases.map(({ name, available }) =>
    el("option", { value: name, disabled: !available }, available ? name : `${name} (cannot be used right now)`)));
  byId("database").value = databases.find(({ available }) => available)?.name ?? "";
  showError(byId("ask-error"));
  showSchema();
}

async function ask(event) {
  event.preventDefault();
  waiting?.abort();
  const mine = new AbortController();
  waiting = mine;
  clear();
  byId("schema").hidden = true;
  busy(true);
  const asked = { database: byId("database").value, question: byId("ask-question").value, evidence: byId("evidence").value };
  const full = databases.find(({ name }) => name === asked.database)?.schema;
  const steps = [];
  let samples = [];
  try {
    await stream("v1/sql/ask", { ...asked, stream: true, trace: true }, mine.signal, (name, content) => {
      if (name === "answer") {
        finish(content, samples);
        return;
      }
      steps.push([content.name, content.ms]);
      samples = content.executed ?? samples;
      if (content.linked) showLinked(byId("linked"), content.linked, full);
      showSteps(byId("steps"), steps);
      say(`${DOING[content.name] ?? content.name}: done.`);
    });
  } catch (error) {
    say(error.name === "AbortError" ? "Stopped." : "");
    showError(byId("ask-error"), error);
  } finally { // whatever went wrong, the page does not go on waiting
    if (waiting === mine) busy(false);
  }
}

function finish(answer, samples) {
  showAnswer(byId("answer"), answer);
  showCandidates(byId("candidates"), answer.trace, samples);
  showSteps(byId("steps"), answer.trace.steps.map(({ name, ms }) => [name, ms]), answer.trace);
  say(answer.refused ? "No answer." : `Done: ${counted(answer.rows.length, "row")}.`);
}

/** Before a question: what can be asked about. */
function showSchema() {
  const box = byId("schema");
  const chosen = databases.find(({ name }) => name === byId("database").value);
  box.hidden = false;
  if (!chosen) {
    const why = databases.length ? "No database can be used right now." : "There is no database that you may ask; the service's configuration names them.";
    box.replaceChildren(el("p", {}, why));
    return;
  }
  const { tables } = chosen.schema;
  const columns = tables.reduce((sum, table) => sum + table.columns.length, 0);
  const entries = tables.slice(0, MOST_TABLES).map((table) =>
    el("li", {}, el("code", {}, table.name), " ",
      el("span", { class: "soft" }, table.columns.map((column) => column.name).join(", ")),
      table.comment && el("p", { class: "soft" }, table.comment)));
  const rest = tables.length - entries.length;
  box.replaceChildren(
    el("h2", {}, chosen.name),
    el("p", { class: "soft" }, `${counted(tables.length, "table")}, ${counted(columns, "column")}, ${chosen.schema.dialect}`),
    el("ul", { class: "tables" }, ...entries),
    rest > 0 ? el("p", { class: "soft" }, `and ${counted(rest, "more table")}`) : "",
  );
}

function clear() {
  for (const id of PARTS) byId(id).replaceChildren();
  say("");
}

function busy(yes) {
  byId("stop").hidden = !yes;
  if (yes) byId("ask-result").setAttribute("aria-busy", "true");
  else byId("ask-result").removeAttribute("aria-busy");
  if (yes) say("Asking …");
}

function say(text) {
  byId("ask-status").textContent = text;
}
