"""`ctxprune prune` on text, Markdown and JSON lines: the sentences that the question needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import FieldOption
from ctxprune.cli._prune_inputs import Inputs, read_inputs, write_records, write_texts
from ctxprune.cli._scorers import TEXT_SCORER, make_scorer
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.cli._prune_inputs import Format
    from ctxprune.cli._prune_task import PruneTask
    from ctxprune.pruning.result import Pruned
    from ctxprune.rag import PassageOptions, PassagePruner
    from ctxprune.scorers import Scorer

__all__ = ["TextOptions", "prune_passages"]

_NAMED = 20  # files that lost everything and are named


@dataclass(frozen=True)
class TextOptions:
    """Options for text alone; `field` also names the text for `dedup`."""

    field: FieldOption = "text"
    title_field: Annotated[
        str | None, typer.Option(help="Name of the title in JSON lines, read with each of their sentences.")
    ] = None
    headings: Annotated[
        bool | None,
        typer.Option(help="Keep the heading above kept sentences; default: in Markdown.", show_default=False),
    ] = None
    title: Annotated[bool, typer.Option("--title", help="Keep the first line of a text of which anything is kept.")] = (
        False
    )
    pronouns: Annotated[
        bool, typer.Option("--pronouns", help="Keep the sentence before one that starts with a pronoun.")
    ] = False
    protect: Annotated[
        list[str] | None, typer.Option(help="Regular expression; sentences that it matches are never dropped.")
    ] = None
    documents: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Choose from this many best files or lines only.")
    ] = None
    reorder: Annotated[bool, typer.Option("--reorder", help="Most relevant file or line first.")] = False
    drop_empty: Annotated[bool, typer.Option("--drop-empty", help="Leave out lines of which nothing is kept.")] = False
    language: Annotated[str, typer.Option(help="ISO 639 code, for the ends of sentences.")] = "en"

    def check_unused(self, kind: str) -> None:
        """For input of another kind: none of them may be given.

        Raises:
            typer.BadParameter: One is.
        """
        values = asdict(self)
        for option in fields(self):
            if values[option.name] not in (option.default, []):
                name = f"--{option.name.replace('_', '-')}"
                raise typer.BadParameter(f"it is for text only, and this is {kind}", param_hint=name)


def prune_passages(task: PruneTask, form: Format, options: TextOptions) -> None:
    """Read, prune, write.

    Raises:
        InputError, BudgetError, UsageError: As what it calls.
    """
    from ctxprune.cli._progress import show_progress
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag import PassagePruner

    with show_progress("loading the scorer") as line:
        scorer = _scorer(task.scorer, task.model, titled=options.title_field is not None)
        pruner = Pruner(scorer, task.policy, None, task.on_empty)
        passage_pruner = PassagePruner(pruner, options.documents, options.reorder)
        line.name_step("reading")
        inputs = read_inputs(task.files, form, options.field, options.title_field)
        line.name_step("pruning")
        result, order = _pruned(passage_pruner, task.question, inputs, options)
    if not task.report(
        result,
        _names(inputs),
        f"{len(result.kept)} of {len(result.units)} sentences",
        {"files": inputs.names, "order": order},
    ):
        _write(result.output, inputs, order, options)


def _scorer(name: str | None, model: str | None, *, titled: bool) -> Scorer:
    from ctxprune.scorers.lexical.titled import TitledScorer

    scorer, _ = make_scorer(name or TEXT_SCORER, model)
    # a plug-in's scorer need not say whether it reads titles itself
    return TitledScorer(scorer) if titled and not scorer.reads_titles else scorer


def _bindings(inputs: Inputs, options: TextOptions) -> PassageOptions:
    from ctxprune.rag import PassageOptions

    headings = inputs.markdown if options.headings is None else options.headings
    try:
        return PassageOptions(
            markdown=inputs.markdown,
            protect=tuple(options.protect or ()),
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
    # One text needs no ranking of documents, and so has the plain result of `Pruner`.
    if len(inputs.texts) == 1 and inputs.records is None:
        passage = Passage(inputs.texts[0], language=language, options=bindings)
        return pruner.pruner.prune(question, passage), [0]
    ranked = pruner.prune(question, Passages(inputs.texts, language=language, options=bindings, titles=inputs.titles))
    return ranked.pruned, list(ranked.order)


def _write(output: str | list[str], inputs: Inputs, order: list[int], options: TextOptions) -> None:
    if isinstance(output, str):
        write_texts([output])
    elif inputs.records is None:
        write_texts([output[index] for index in order], [inputs.names[index] for index in order])
        _name_emptied([name for index, name in enumerate(inputs.names) if index not in {*order}])
    else:
        # Lines are kept in place, emptied or not, so that line numbers still match other files.
        alive = set(order)
        rest = [] if options.drop_empty else [index for index in range(len(output)) if index not in alive]
        chosen = [*order, *rest] if options.reorder else sorted([*order, *rest])
        records = [inputs.records[index] for index in chosen]
        write_records(records, [output[index] for index in chosen], options.field)


def _name_emptied(names: Sequence[str]) -> None:
    """Which files are not among what was written."""
    from ctxprune.cli._console import escape, print_note

    if names:
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        print_note(f"nothing was kept of {', '.join(map(escape, names[:_NAMED]))}{more}")


def _names(inputs: Inputs) -> list[str]:
    if len(inputs.names) == len(inputs.texts):
        return inputs.names
    return [f"line {number + 1}" for number in range(len(inputs.texts))]
