"""`ctxprune prune` on text, Markdown and JSON lines: the sentences that the question needs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import typer

from ctxprune.cli._prune_inputs import Inputs, read_inputs, write_records, write_texts
from ctxprune.cli._scorers import named_scorer
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from ctxprune.cli._prune_asked import Asked
    from ctxprune.cli._prune_inputs import Format
    from ctxprune.pruning.result import Pruned
    from ctxprune.rag import PassageOptions, PassagePruner
    from ctxprune.scorers import Scorer

__all__ = ["TextOptions", "prune_passages"]


@dataclass(frozen=True)
class TextOptions:
    """The options of the command that are for text alone; their defaults are those of the command."""

    field: str = "text"
    title_field: str | None = None
    headings: bool | None = None
    title: bool = False
    pronouns: bool = False
    protect: tuple[str, ...] = ()
    documents: int | None = None
    reorder: bool = False
    drop_empty: bool = False
    language: str = "en"

    def refuse(self, kind: str) -> None:
        """Make sure that none of them is given for input of another kind.

        Raises:
            typer.BadParameter: One is.
        """
        for option in fields(self):
            if getattr(self, option.name) != option.default:
                name = f"--{option.name.replace('_', '-')}"
                raise typer.BadParameter(f"it is for text only, and this is {kind}", param_hint=name)


def prune_passages(asked: Asked, form: Format, options: TextOptions) -> None:
    """Read, prune, write.

    Raises:
        InputError, BudgetError, UsageError: As what it calls.
    """
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag import PassagePruner

    scorer = _scorer(asked.scorer, asked.model, titled=options.title_field is not None)
    pruner = Pruner(scorer, asked.policy, None, asked.on_empty)
    inputs = read_inputs(asked.files, form, options.field, options.title_field)
    passage_pruner = PassagePruner(pruner, options.documents, options.reorder)
    result, order = _pruned(passage_pruner, asked.question, inputs, options)
    if not asked.report(result, _names(inputs), "sentences", {"files": inputs.names, "order": order}):
        _write(result.output, inputs, order, options)


def _scorer(name: str, model: str | None, *, titled: bool) -> Scorer:
    from ctxprune.scorers.lexical.titled import TitledScorer

    scorer, _ = named_scorer(name, model)
    return TitledScorer(scorer) if titled and not getattr(scorer, "reads_titles", False) else scorer


def _bindings(inputs: Inputs, options: TextOptions) -> PassageOptions:
    from ctxprune.rag import PassageOptions

    headings = inputs.markdown if options.headings is None else options.headings
    try:
        return PassageOptions(
            markdown=inputs.markdown,
            protect=options.protect,
            title=options.title,
            pronouns=options.pronouns,
            headings=headings,
        )
    except UsageError as error:
        raise typer.BadParameter(str(error), param_hint="--protect") from error


def _pruned(
    pruner: PassagePruner, question: str, inputs: Inputs, options: TextOptions
) -> tuple[Pruned[Any], list[int]]:
    """The result, and the order in which the texts of which something was kept are written."""
    from ctxprune.rag import Passage, Passages

    bindings, language = _bindings(inputs, options), options.language
    if len(inputs.texts) == 1 and inputs.records is None:
        passage = Passage(inputs.texts[0], language=language, options=bindings)
        return pruner.pruner.prune(question, passage), [0]
    ranked = pruner.prune(question, Passages(inputs.texts, language=language, options=bindings, titles=inputs.titles))
    return ranked.pruned, list(ranked.order)


def _write(output: str | list[str], inputs: Inputs, order: list[int], options: TextOptions) -> None:
    if isinstance(output, str):
        write_texts([output])
    elif inputs.records is None:
        write_texts([output[index] for index in order])
    else:
        alive = set(order)
        rest = [] if options.drop_empty else [index for index in range(len(output)) if index not in alive]
        chosen = [*order, *rest] if options.reorder else sorted([*order, *rest])
        records = [inputs.records[index] for index in chosen]
        write_records(records, [output[index] for index in chosen], options.field)


def _names(inputs: Inputs) -> list[str]:
    if len(inputs.names) == len(inputs.texts):
        return inputs.names
    return [f"line {number + 1}" for number in range(len(inputs.texts))]
