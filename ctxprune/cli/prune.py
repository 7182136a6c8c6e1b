"""`ctxprune prune`: text in, the sentences that the question needs out."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from ctxprune.context import Context
    from ctxprune.policies import Policy
    from ctxprune.result import Pruned

__all__ = ["prune"]


class PolicyName(str, Enum):
    """The policies that the command line knows."""

    adaptive = "adaptive"
    largest_gap = "largest_gap"
    threshold = "threshold"
    token_budget = "token_budget"  # noqa: S105  (no password)
    top_k = "top_k"


class OnEmpty(str, Enum):
    """What to do where nothing is worth keeping."""

    drop = "drop"
    keep_all = "keep_all"
    keep_best = "keep_best"


def prune(
    files: Annotated[
        list[Path] | None, typer.Argument(help="UTF-8 text files; none, or -, reads stdin.", show_default=False)
    ] = None,
    *,
    question: Annotated[str, typer.Option("-q", "--question", help="What the text is needed for.")],
    scorer: Annotated[str, typer.Option(help="Registered name of the scorer.")] = "lexical",
    policy: Annotated[
        PolicyName | None, typer.Option(help="How to choose; default: by the number given, else adaptive.")
    ] = None,
    budget: Annotated[int | None, typer.Option(min=0, help="Tokens that the kept text may take.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Sentences to keep at most.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least score to keep; with --policy adaptive, relative to the best (0 to 1).")
    ] = None,
    on_empty: Annotated[OnEmpty, typer.Option(help="Where no sentence is chosen.")] = OnEmpty.keep_best,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with spans and scores.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows what was dropped.")] = None,
) -> None:
    """Keep the sentences that a question needs; print them, byte for byte, and account for the rest on stderr."""
    from ctxprune.cli import _console
    from ctxprune.pruning import Pruner

    chosen = _policy(policy, budget, top_k, threshold)
    try:
        pruner = Pruner(scorer, chosen, None, on_empty.value)
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--scorer") from error
    inputs = [path for path in files or () if str(path) != "-"]
    if html is not None:
        _console.check_target(html, *inputs)
    names, context = _context(files or [Path("-")])
    result = pruner.prune(question, context)
    if html is not None:
        _console.write_file(html, _page(result), *inputs)
    if as_json:
        _console.emit({"files": names, **result.to_dict()})
    else:
        _write(result.output)
    share = result.tokens_after / max(result.tokens_before, 1)
    _console.say(
        f"kept {len(result.kept)} of {len(result.units)} sentences, {result.tokens_after} of {result.tokens_before}"
        f" tokens ({share:.0%}), {result.scorer}, {result.policy}"
    )


def _policy(name: PolicyName | None, budget: int | None, top_k: int | None, threshold: float | None) -> Policy:
    """The policy asked for; without a name the one whose number was given."""
    from ctxprune.policies import Adaptive, LargestGap, Threshold, TokenBudget, TopK

    if name is None:
        name = _implied(budget, top_k, threshold)
    needed = {PolicyName.token_budget: ("--budget", budget), PolicyName.top_k: ("--top-k", top_k)}
    for kind, (option, value) in needed.items():
        if name is kind and value is None:
            raise typer.BadParameter(f"the policy {kind.value} needs {option}", param_hint=option)
        if name is not kind and value is not None:
            raise typer.BadParameter(f"the policy {name.value} takes no {option}", param_hint=option)
    if budget is not None:
        return TokenBudget(budget, minimum=threshold)
    if threshold is not None and name in (PolicyName.top_k, PolicyName.largest_gap):
        raise typer.BadParameter(f"the policy {name.value} takes no --threshold", param_hint="--threshold")
    if top_k is not None:
        return TopK(top_k)
    if name is PolicyName.largest_gap:
        return LargestGap()
    if name is PolicyName.threshold:
        return Threshold() if threshold is None else Threshold(threshold)
    return Adaptive() if threshold is None else Adaptive(threshold)


def _implied(budget: int | None, top_k: int | None, threshold: float | None) -> PolicyName:
    if budget is not None:
        return PolicyName.token_budget
    if top_k is not None:
        return PolicyName.top_k
    return PolicyName.adaptive if threshold is None else PolicyName.threshold


def _context(files: list[Path]) -> tuple[list[str], Context[Any]]:
    from ctxprune.rag.passages import Passage, Passages

    names = ["-" if str(path) == "-" else str(path) for path in files]
    texts = [_read(path) for path in files]
    return names, Passage(texts[0]) if len(texts) == 1 else Passages(texts)


def _read(path: Path) -> str:
    """The text of a file or of stdin.

    Raises:
        InputError: It is not there, no file, not UTF-8, or holds nothing but white space.
    """
    name = "stdin" if str(path) == "-" else str(path)
    if name == "stdin":
        if sys.stdin.isatty():
            raise typer.BadParameter("give a file, or pipe text in", param_hint="FILES")
        data = sys.stdin.buffer.read()
    elif path.is_dir():
        raise InputError("this is a folder, not a text file", where=name)
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the file: {error.strerror}", where=name) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"this is not UTF-8 text (byte {error.start} is 0x{data[error.start]:02x})",
            where=name,
            hint="convert it, for instance with iconv -f LATIN1 -t UTF-8",
        ) from error
    if not text.strip():
        raise InputError("there is no text to prune", where=name)
    return text


def _write(output: str | list[str]) -> None:
    """The kept text as UTF-8 bytes, several files with an empty line between them."""
    text = output if isinstance(output, str) else "\n\n".join(part for part in output if part)
    sys.stdout.flush()
    sys.stdout.buffer.write((text if text.endswith("\n") or not text else text + "\n").encode("utf-8"))
    sys.stdout.buffer.flush()


def _page(result: Pruned[Any]) -> str:
    return (
        '<!doctype html><html><head><meta charset="utf-8"><title>ctxprune</title></head>'
        f"<body>{result.to_html()}</body></html>\n"
    )
