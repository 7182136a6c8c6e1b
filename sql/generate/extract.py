"""Extracts the SQL from the answer of a chat model: fences, prose, think tags, JSON, cut and repeated output."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

__all__ = ["Extracted", "extract_sql"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The extracted `sql`; or "", and the reason in `error`."""

    sql: str
    error: str = ""


# An unclosed tag swallows the rest: the model ran out of tokens while it was reasoning.
_THINK = re.compile(r"<(think|thinking|reasoning|scratchpad)\b[^>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n?(.*?)(?:```|~~~|\Z)", re.DOTALL)
_JSON_KEY = re.compile(r'"(?:sql|query|sql_query|SQL)"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_SQL_TAGS = frozenset({"sql", "sqlite", "sqlite3", "postgresql", "postgres", "mysql", "duckdb"})
_CLOSED = frozenset({"think", "thinking", "reasoning", "scratchpad"})
# A statement starts at the beginning of a line, or after a colon, quote, backtick, bracket or tag.
_START = re.compile(r"(?:\A|[\n:>`\"'(\[]|\b(?:is|be|query|sql|answer)\b)[ \t]*((?:SELECT|WITH)\b)", re.IGNORECASE)
_SELECT = re.compile(r"\bSELECT\b", re.IGNORECASE)
_CTE = re.compile(
    r"WITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+\s*(?:\([^()]*\)\s*)?AS\s*(?:NOT\s+)?(?:MATERIALIZED\s*)?\(", re.IGNORECASE
)
# "Select the first city" is English; an article behind SELECT gives it away.
_PROSE_SELECT = re.compile(
    r"SELECT\s+(?:the|an?|all\s+the|only\s+the|any|some|your)\s+(?!FROM\b|AS\b)\w", re.IGNORECASE
)
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am)? (?:sorry|unable|not able)|I (?:can(?:'|no)?t|cannot|could not|won't)|as an AI|apologi[sz]e"
    r"|unanswerable|not (?:possible|enough information))\b",
    re.IGNORECASE,
)
_LONGEST = 20_000  # characters that are read; a looping model writes without end


def extract_sql(text: str) -> Extracted:
    """The first SELECT or WITH statement in `text`, without fences, comments around it, prose or a semicolon.

    The order of trust: a fenced block, a JSON field, a statement that starts a line, a statement anywhere. Of several
    statements the first is taken. Endless repetition is cut to its first round. Nothing is repaired: a cut statement
    comes back as it is, for the database to judge.
    """
    if not text.strip():
        return Extracted("", "the model gave an empty answer")
    visible = _without_thoughts(text[:_LONGEST])
    for body in _bodies(visible):
        statement = _statement(body)
        if statement:
            return Extracted(statement)
    if not visible.strip():
        return Extracted("", "the model only thought and gave no answer")
    if _REFUSAL.search(visible):
        return Extracted("", f"the model refused: {_short(visible)}")
    return Extracted("", f"no SELECT in the answer: {_short(visible)}")


def _without_thoughts(text: str) -> str:
    text = _THINK.sub("\n", text)
    # Some chat templates open the tag in the prompt, so that only its end is in the answer.
    for name in _CLOSED:
        end = text.lower().rfind(f"</{name}>")
        if end >= 0:
            text = text[end + len(name) + 3 :]
    return text


def _bodies(text: str) -> list[str]:
    fences = _FENCE.findall(text)
    # A fence that says SQL is trusted more than one in another language or in none.
    named = [body for tag, body in fences if tag.lower() in _SQL_TAGS]
    other = [f"{tag} {body}" if tag.lower() in {"select", "with"} else body for tag, body in fences]
    expanded = []
    for body in (*named, *other, text):
        field = _json_field(body)
        expanded += [field, body] if field else [body]
    return expanded


def _json_field(text: str) -> str:
    found = _JSON_KEY.search(text)
    if not found:
        return ""
    raw = found[1].removesuffix("\\")
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t")


def _statement(body: str) -> str:
    for found in _START.finditer(body):
        rest = body[found.start(1) :]
        if found[0][:1] == "`" and "`" in rest:
            rest = rest.partition("`")[0]
        if _is_sql(rest):
            return _cut(rest)
    # Only then a SELECT within a sentence, which needs a FROM to count.
    for found in _SELECT.finditer(body):
        rest = body[found.start() :]
        if re.search(r"\bFROM\b", rest, re.IGNORECASE) and _is_sql(rest):
            return _cut(rest)
    return ""


def _is_sql(text: str) -> bool:
    if text[:4].lower() == "with":
        return bool(_CTE.match(text))
    return not _PROSE_SELECT.match(text) and bool(text[6:].strip(" \t\r\n;`\"'."))


def _cut(text: str) -> str:
    """Ends a statement at its semicolon, at a blank line outside brackets, a fence, a tag or a repetition."""
    end = _end(text)
    sql = text[:end].strip().rstrip(";`").strip()
    return _without_repetition(_closed(sql))


_TOKEN = re.compile(
    r"""(?P<stop>```|~~~|;)
    |(?P<skip>--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]+`)
    |(?P<open>[(\[])|(?P<close>[)\]])|(?P<maybe>[\n<])""",
    re.DOTALL | re.VERBOSE,
)
# After a blank line a clause may go on with the statement; anything else is an explanation.
_AFTER = re.compile(
    r"\n[ \t]*\r?\n"
    r"(?!\s*(?:FROM|WHERE|GROUP|ORDER|HAVING|LIMIT|UNION|INTERSECT|EXCEPT|JOIN|LEFT|INNER|AND|OR|ON|SELECT)\b)"
    r"|\n(?=(?:This|The|Note|Explanation|Here|In this|It|Question|Answer|Output|Result|Q:|A:|#)\b)"
    r"|</?[a-z_]+>|<\|",
    re.IGNORECASE,
)


def _end(text: str) -> int:
    depth = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "stop":
            return token.start()
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
            # A bracket that was never opened belongs to the prose around the statement.
            if depth < 0:
                return token.start()
        elif kind == "maybe" and _AFTER.match(text, token.start()):
            return token.start()
    return len(text)


def _closed(sql: str) -> str:
    """Drops one quote that wrapped the whole statement ("SELECT 1")."""
    for quote in "\"'":
        if sql.endswith(quote) and sql.count(quote) == 1:
            return sql[:-1].rstrip()
    return sql


_REPEAT = re.compile(r"(\s(?P<unit>\S.{2,200}?))(?:\s+(?P=unit)){3,}", re.DOTALL)


def _without_repetition(sql: str) -> str:
    """Cuts a statement where the same text comes four times in a row: a looping model does not find its way back."""
    found = _REPEAT.search(sql)
    return sql[: found.end(1)].rstrip(" ,") if found else sql


def _short(text: str) -> str:
    return " ".join(text.split())[:120]
