// The reference: what openapi.json says, one card an endpoint.

import { call, showError } from "./api.js";
import { byId, el } from "./dom.js";

const JSON_TYPE = "application/json";

/** The part of the document that a reference such as "#/components/schemas/Name" names. */
function resolve(document_, schema) {
  const path = schema?.$ref?.split("/").slice(1);
  return path ? path.reduce((part, name) => part?.[name], document_) : schema;
}

/** A schema's type in words: "text or null", "list of Document". */
function typeName(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return `list of ${typeName(schema.items)}`;
  return { string: "text", integer: "whole number", object: "object" }[schema.type] ?? schema.type ?? "any";
}

function bounds(schema) {
  const names = { minLength: "characters from", maxLength: "characters up to", minimum: "from", maximum: "up to" };
  return Object.entries(names).filter(([name]) => schema[name] !== undefined)
    .map(([name, words]) => `${words} ${schema[name]}`).join(", ");
}

function usual(schema, required) {
  if (required) return "required";
  return schema.default === undefined ? "" : JSON.stringify(schema.default);
}

function fields(schema, caption) {
  const rows = Object.entries(schema?.properties ?? {}).map(([name, part]) => el("tr", {},
    el("th", { scope: "row" }, el("code", {}, name)),
    el("td", {}, typeName(part)),
    el("td", {}, usual(part, schema.required?.includes(name))),
    el("td", {}, [part.description, bounds(part)].filter(Boolean).join(" "))));
  if (!rows.length) return null;
  const heads = ["Field", "Type", "Default", "Meaning"].map((text) => el("th", { scope: "col" }, text));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    el("table", { class: "grid" }, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)));
}

/** A command that sends the request; the body is quoted for a shell. */
function command(method, path, body) {
  const address = new URL(`.${path}`, document.baseURI).href;
  if (body === undefined) return `curl -s ${address}`;
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -s ${address} -X ${method.toUpperCase()} -H 'Content-Type: ${JSON_TYPE}' -d '${quoted}'`;
}

/** A text as it is written, which keys can scroll where it is long. */
function code(text, label) {
  return el("pre", { tabindex: "0", role: "group", "aria-label": label }, text);
}

function examples(method, path, operation) {
  const named = Object.entries(operation.requestBody?.content?.[JSON_TYPE]?.examples ?? {});
  if (!operation.requestBody) return [code(command(method, path), "Command")];
  return named.map(([name, { value }]) => el("details", { open: named.length === 1 },
    el("summary", {}, `Example: ${name}`), code(command(method, path, value), `Command: ${name}`)));
}

function answers(document_, operation) {
  return Object.entries(operation.responses).map(([status, { description, content }]) => {
    const { schema, example } = content?.[JSON_TYPE] ?? {};
    if (status !== "200") return el("li", {}, el("code", {}, status), ` ${description}`);
    return el("li", {}, el("code", {}, status), " the answer",
      example !== undefined && el("details", {}, el("summary", {}, "Example"), code(JSON.stringify(example, null, 1), "Answer")),
      fields(resolve(document_, schema), "Fields of the answer"));
  });
}

function draw(document_, path, method, operation) {
  const id = `${method}${path}`.replaceAll("/", "-");
  const asked = resolve(document_, operation.requestBody?.content?.[JSON_TYPE]?.schema);
  const title = [el("span", { class: "method" }, method.toUpperCase()), " ", el("code", {}, path)];
  byId("contents").firstChild.append(el("li", {}, el("a", { href: `#${id}` }, `${method.toUpperCase()} ${path}`)));
  return el("article", { class: "card", id },
    el("h2", {}, ...title),
    el("p", {}, operation.description ?? operation.summary),
    fields(asked, "Fields of the request"),
    ...examples(method, path, operation),
    el("details", {}, el("summary", {}, "Answers"), el("ul", {}, ...answers(document_, operation))));
}

try {
  const document_ = await call("openapi.json");
  byId("contents").append(el("ul"));
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      byId("operations").append(draw(document_, path, method, operation));
    }
  }
} catch (error) {
  showError(byId("error"), error);
}
