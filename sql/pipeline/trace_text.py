"""A trace as a tree of text: steps with their times, and what each of them found, asked and ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .answer import Answer
    from .trace import CallTrace, CandidateTrace, StepTrace, Trace

__all__ = ["draw_trace"]

_LONGEST = 160  # characters of a question, a value, a query or a message
_MOST_HITS = 10


@dataclass
class _Node:
    text: str
    children: list[_Node] = field(default_factory=list)


def draw_trace(answer: Answer) -> str:
    """The trace of an answer as lines of a tree, without prompts and rows.

    Line breaks and blanks of questions, queries and messages are folded, and long ones are cut; other control
    characters are shown as escapes.
    """
    trace = answer.trace
    sure = (
        answer.refusal.kind if answer.refusal is not None else f"{answer.outcome}, confidence {answer.confidence:.0%}"
    )
    tokens = _tokens(trace.tokens_in, trace.tokens_out)
    cost = "" if trace.cost is None else f"cost {trace.cost:.6g}"
    root = _Node(_line(f'ask "{_short(trace.question)}"', trace.ms, sure, tokens, cost))
    root.children = [_step(step, trace) for step in trace.steps]
    return "\n".join([_escape(root.text), *_branches(root.children)])


def _branches(nodes: Sequence[_Node], indent: str = "") -> Iterator[str]:
    for number, node in enumerate(nodes, start=1):
        last = number == len(nodes)
        yield f"{indent}{'└─' if last else '├─'} {_escape(node.text)}"
        yield from _branches(node.children, indent + ("   " if last else "│  "))


def _step(step: StepTrace, trace: Trace) -> _Node:
    found, children = _found(step.name, trace)
    node = _Node(_line(step.name, step.ms, found, _tokens(step.tokens_in, step.tokens_out)))
    node.children = [*map(_call, step.calls), *children]
    return node


def _found(step: str, trace: Trace) -> tuple[str, list[_Node]]:
    """What a step of this name found, in a few words, and one by one."""
    describe = _DESCRIBED.get(step)
    return ("", []) if describe is None else describe(trace)


def _values(trace: Trace) -> tuple[str, list[_Node]]:
    return _count(len(trace.hits), "value"), _hits(trace)


def _link(trace: Trace) -> tuple[str, list[_Node]]:
    link = trace.linked
    if link is None:
        return "", []
    columns = f"{link.columns_before} to {link.columns_after} columns"
    return columns + (f", {link.tokens_before} to {link.tokens_after} tokens" if link.tokens_before else ""), []


def _knowledge(trace: Trace) -> tuple[str, list[_Node]]:
    if trace.knowledge is None:
        return "", []
    kept = [entry for entry in trace.knowledge.entries if entry.kept]
    kind = f", question of kind {_short(trace.knowledge.question_kind)}" if trace.knowledge.question_kind else ""
    return _count(len(kept), "entry", "entries") + kind, [_Node(_short(entry.text)) for entry in kept]


def _rewrite(trace: Trace) -> tuple[str, list[_Node]]:
    return ("", []) if trace.rewritten is None else (f"{trace.rewritten.kind}: {_short(trace.rewritten.reason)}", [])


def _generate(trace: Trace) -> tuple[str, list[_Node]]:
    return _count(len(trace.candidates), "candidate"), _numbered(trace, _written)


def _execute(trace: Trace) -> tuple[str, list[_Node]]:
    ran = sum(item.rows is not None for item in trace.candidates)
    return f"{ran} of {len(trace.candidates)} ran", _numbered(trace, _ran)


def _select(trace: Trace) -> tuple[str, list[_Node]]:
    if trace.chosen is None:
        return "", []
    return f"candidate {trace.chosen + 1}, {_count(len(trace.groups), 'result')}: {_short(trace.reason)}", []


def _assess(trace: Trace) -> tuple[str, list[_Node]]:
    if trace.assessment is None:
        return "", []
    return trace.assessment.outcome, [_Node(_short(str(doubt))) for doubt in trace.assessment.doubts]


_DESCRIBED: Mapping[str, Callable[[Trace], tuple[str, list[_Node]]]] = {
    "values": _values,
    "link": _link,
    "knowledge": _knowledge,
    "rewrite": _rewrite,
    "generate": _generate,
    "execute": _execute,
    "select": _select,
    "assess": _assess,
}


def _hits(trace: Trace) -> list[_Node]:
    shown = [
        _Node(f'{hit.table}.{hit.column} = "{_short(hit.value)}" ({hit.stage}, {hit.score:.2f})')
        for hit in trace.hits[:_MOST_HITS]
    ]
    more = len(trace.hits) - _MOST_HITS
    return [*shown, _Node(f"{more} more")] if more > 0 else shown


def _call(call: CallTrace) -> _Node:
    how = "cached" if call.cached else ""
    asked = f"{call.n} answers" if call.n > 1 else ""
    failed = f"failed: {_short(call.error)}" if call.error else ""
    return _Node(_line(f"chat {call.model}", call.ms, asked, _tokens(call.tokens_in, call.tokens_out), how, failed))


def _numbered(trace: Trace, draw: Callable[[CandidateTrace, str], _Node]) -> list[_Node]:
    return [draw(item, f"candidate {number}") for number, item in enumerate(trace.candidates, start=1)]


def _written(item: CandidateTrace, name: str) -> _Node:
    failed = "" if item.sql else f"failed: {_short(item.error)}"
    node = _Node(_line(name, item.ms, f"{item.generator} on {item.path}", failed))
    # The other notes say in words what the query says.
    names = [note for note in item.notes if " name: " in note]
    node.children = [_Node(_short(text)) for text in (item.sql, *names) if text]
    return node


def _ran(item: CandidateTrace, name: str) -> _Node:
    """How a candidate ended: what was tried of it, then what ran."""
    if item.rows is None:
        ended = f"failed: {_short(item.error)}"
    else:
        ended = _count(item.rows, "row") + (", cut at a limit" if item.truncated else "")
    node = _Node(_line(name, item.execution_ms, ended))
    node.children = [_Node(f"repaired: {_short(sql)}") for sql in item.repairs]
    if item.ran and item.ran != item.sql:
        node.children.append(_Node(f"ran: {_short(item.ran)}"))
    return node


def _line(name: str, ms: float, *parts: str) -> str:
    took = f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
    return ", ".join(filter(None, (f"{name}  {took}", *parts)))


def _tokens(tokens_in: int, tokens_out: int) -> str:
    return f"{tokens_in} tokens in, {tokens_out} out" if tokens_in or tokens_out else ""


def _count(number: int, noun: str, several: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {several or noun + 's'}"


def _short(text: str) -> str:
    folded = " ".join(text[: 2 * _LONGEST].split())
    return folded if len(folded) <= _LONGEST else f"{folded[: _LONGEST - 1]}…"


def _escape(text: str) -> str:
    # A stored value, or a name of the schema, may hold what moves a terminal's cursor.
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
