// Tabs, the key, and the two views.

import { onKeyWanted, showError, useKey } from "./api.js";
import { loadDatabases, startDatabase } from "./database.js";
import { byId } from "./dom.js";
import { startText } from "./text.js";

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function moveTab(event) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.length, End: tabs.length };
  if (!(event.key in steps)) return;
  const place = tabs.indexOf(event.target) + steps[event.key];
  const tab = tabs[Math.min(Math.max(place, 0), tabs.length - 1)];
  select(tab);
  tab.focus();
  event.preventDefault();
}

async function useGivenKey(event) {
  event.preventDefault();
  useKey(byId("key").value);
  try {
    await loadDatabases();
  } catch (error) {
    showError(byId("key-error"), error);
    return;
  }
  showError(byId("key-error"));
  byId("key").value = "";
  byId("key-form").hidden = true;
  document.querySelector("[role=tabpanel]:not([hidden])").querySelector("input, select").focus();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", moveTab);
}
onKeyWanted(() => {
  byId("key-form").hidden = false;
  byId("key").focus();
});
byId("key-form").addEventListener("submit", useGivenKey);
startText();
startDatabase();
