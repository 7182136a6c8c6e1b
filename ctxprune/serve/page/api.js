// The service's endpoints. The key lives in this module and nowhere else: it is gone with the page.

import { el } from "./dom.js";

let key = "";
let askForKey = () => {};

/** What a request failed with, as the service tells it. */
export class ApiError extends Error {
  constructor(status, { code = "", message, hint = "", request_id = "" }) {
    super(message);
    Object.assign(this, { status, code, hint, requestId: request_id });
  }
}

/** From now on requests carry this key. */
export function useKey(value) {
  key = value;
}

/** `listener` is called when the service wants a key, or another one. */
export function onKeyWanted(listener) {
  askForKey = listener;
}

/** The JSON answer to a GET, or with a body to a POST. Throws ApiError, or AbortError once `signal` says so. */
export async function call(path, body, signal) {
  const response = await send(path, body, signal, "application/json");
  return parsed(await response.text());
}

/** Calls `tell(name, content)` for each server-sent event of the answer. Throws as `call`. */
export async function stream(path, body, signal, tell) {
  const response = await send(path, body, signal, "text/event-stream");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(unreachable);
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [name, data] = split(event);
      const content = parsed(data);
      if (name === "error") throw new ApiError(response.status, content.error);
      tell(name, content);
    }
  }
}

/** Name and data of an event. In a pattern "." would end at U+2028 and U+2029, too, which JSON leaves as they are. */
function split(event) {
  const end = event.indexOf("\n");
  return [event.slice("event: ".length, end), event.slice(end + "\ndata: ".length)];
}

/** Shows an error in `box`, or clears it without one; an aborted request is none. */
export function showError(box, error) {
  box.replaceChildren();
  if (!error || error.name === "AbortError") return;
  if (!(error instanceof ApiError)) {
    box.append(el("div", { class: "error", role: "alert" }, el("p", {}, el("strong", {}, "Error: "), "the page failed")));
    throw error;
  }
  const particulars = [error.code, error.requestId && `request ${error.requestId}`].filter(Boolean).join(", ");
  box.append(
    el("div", { class: "error", role: "alert" },
      el("p", {}, el("strong", {}, "Error: "), error.message),
      error.hint && el("p", {}, error.hint),
      particulars && el("p", { class: "soft" }, particulars)),
  );
}

async function send(path, body, signal, accept) {
  const headers = { accept };
  if (body) headers["content-type"] = "application/json";
  if (key) headers.authorization = `Bearer ${key}`;
  const options = { method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body) };
  const response = await fetch(path, options).catch(unreachable);
  if (response.ok) return response;
  if (response.status === 401) askForKey();
  const told = await response.json().catch(() => null);
  throw new ApiError(response.status, told?.error ?? { message: `the service answered with status ${response.status}` });
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new ApiError(0, { message: "the service does not answer", hint: "see whether it still runs, then try again" });
}

function parsed(text) {
  return JSON.parse(text, exact);
}

/** Whole numbers beyond 2^53 come as BigInt, since a cell of a database must not lose digits. */
function exact(_name, value, context) {
  const unsafe = typeof value === "number" && !Number.isSafeInteger(value);
  return unsafe && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}
