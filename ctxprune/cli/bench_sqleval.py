"""`ctxprune bench sqleval`: natural questions, some of which have no answer, by the rule of sql-eval."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ctxprune.cli._options import GenerationOptions, JsonOption, SetOption, with_option_groups
from ctxprune.cli._trust import BarOption, ItemsOption, LogOption

__all__ = ["sqleval"]

_SHOWN = (
    "questions", "unanswerable", "ex", "ex_lenient", "oracle", "answered", "answered_right", "tentative",
    "false_refusals", "refused", "ece", "ms_per_question", "ms_p95",
)  # fmt: skip


@with_option_groups
def sqleval(
    data: SetOption,
    *,
    generation: GenerationOptions,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Questions to ask, of each database in turn; default: all.")
    ] = None,
    min_confidence: BarOption = None,
    log: LogOption = None,
    items: ItemsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask natural questions on small databases, and questions that these cannot answer.

    A result is right if its rows are those of an accepted query, in any order of rows and columns, numbers to four
    decimals; ex_lenient allows further columns. refused is the share of unanswerable questions that are not answered
    with certainty.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli._trust import ask_set, make_factory, options_record, shown_generator
    from ctxprune.sql.evaluation.trust.figures import figures, group_figures, time_figures
    from ctxprune.sql.evaluation.trust.sqleval import load_sqleval

    with show_progress("reading the set"):
        questions = load_sqleval(data)
    fingerprint, skipped = questions.fingerprint, len(questions.questions) - len(questions.present)
    factory, options = make_factory(generation, min_confidence), options_record(generation, min_confidence)
    judgements = ask_set(
        questions if limit is None else questions.limited(limit, seed=generation.seed),
        factory,
        log=log,
        options=options,
    )
    generator = shown_generator(generation.generator)
    document: dict[str, Any] = {"set": questions.name, "generator": generator, "plain": generation.plain}
    document |= {"data": fingerprint, "rule": questions.rule.name}
    document |= figures(judgements) | time_figures(judgements)
    document["skipped"] = skipped
    answerable = [one for one in judgements if one.answerable]
    document["by_category"] = group_figures(answerable, lambda one: one.category)
    document["by_database"] = group_figures(judgements, lambda one: one.db_id)
    if items:
        document["judgements"] = [one.record() for one in judgements]
    if as_json:
        _console.print_json(document)
        return
    _console.print_figures(
        _console.escape(f"{document['set']}, {document['generator']}"),
        [*((name, document[name]) for name in _SHOWN if document[name] is not None), *_groups(document)],
    )


def _groups(document: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for kind in ("by_category", "by_database"):
        for name, found in document[kind].items():
            rows.append((f"ex, {name}", f"{found['ex']} of {found['questions']}"))
    return rows
