"""`ctxprune bench sparc` and `ctxprune bench cosql`: follow-up questions, each with the talk so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import (
    GenerationOptions,
    JsonOption,
    SchemasOption,
    SetOption,
    SplitOption,
    with_option_groups,
)
from ctxprune.cli._trust import ItemsOption, LogOption

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["cosql", "sparc"]

_SHOWN = (
    "turns", "question_match", "interactions", "interaction_match", "skipped", "oracle", "answered", "answered_right",
    "tentative", "false_refusals", "ece", "ms_per_question", "ms_p95",
)  # fmt: skip
_HELP = """Hold {}: every turn is answered given the turns before it, and scored by Spider's rule.

question_match is the share of turns that are right, interaction_match that of conversations whose turns all are.
Turns whose reference does not run are asked, and counted as skipped.
"""
_LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Conversations to hold, of each database in turn; default: all.")
]


def _make_command(name: str, conversations: str) -> Callable[..., None]:
    """The command of one set; SParC and CoSQL have one layout and one rule, and differ in what they are called."""

    def hold(
        data: SetOption,
        *,
        generation: GenerationOptions,
        schemas: SchemasOption = None,
        split: SplitOption = "dev",
        limit: _LimitOption = None,
        log: LogOption = None,
        items: ItemsOption = False,
        as_json: JsonOption = False,
    ) -> None:
        _hold_all(data, generation, schemas=schemas, split=split, limit=limit, log=log, shown=(items, as_json))

    hold.__name__, hold.__doc__ = name, _HELP.format(conversations)
    return with_option_groups(hold)


sparc = _make_command("sparc", "SParC's conversations")
cosql = _make_command("cosql", "CoSQL's dialogues")


def _hold_all(
    data: Path,
    generation: GenerationOptions,
    *,
    schemas: Path | None,
    split: str,
    limit: int | None,
    log: Path | None,
    shown: tuple[bool, bool],
) -> None:
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli._trust import check_log, make_factory, options_record, shown_generator
    from ctxprune.sql.evaluation.conversations import ask_conversations, conversation_figures, load_conversations
    from ctxprune.sql.evaluation.trust.figures import group_figures, time_figures

    items, as_json = shown
    with show_progress("reading the set"):
        conversations = load_conversations(data, schemas=schemas, split=split)
    fingerprint, skipped = conversations.fingerprint, conversations.skipped  # of the whole set
    if limit is not None:
        conversations = conversations.limited(limit, seed=generation.seed)
    check_log(log, *conversations.databases.values())
    with show_progress("opening the model") as line:
        factory, options = make_factory(generation), options_record(generation)
        line.name_step(conversations.name, sum(len(talk.turns) for talk in conversations.present))
        judgements = ask_conversations(conversations, factory, log=log, options=options, progress=line.update)
    generator = shown_generator(generation.generator)
    document: dict[str, Any] = {"set": conversations.name, "generator": generator, "plain": generation.plain}
    document |= {"data": fingerprint, "rule": "spider", "skipped": skipped}
    document |= conversation_figures(judgements) | time_figures(judgements)
    document["by_database"] = group_figures(judgements, lambda one: one.db_id)
    if items:
        document["judgements"] = [one.record() for one in judgements]
    if as_json:
        _console.print_json(document)
        return
    rows = [(name, document[name]) for name in _SHOWN if document[name] is not None]
    for kind in ("by_turn", "by_kind"):
        rows += [(f"ex, {name}", f"{found['ex']} of {found['turns']}") for name, found in document[kind].items()]
    _console.print_figures(_console.escape(f"{document['set']}, {document['generator']}"), rows)
