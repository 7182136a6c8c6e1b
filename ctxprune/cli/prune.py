"""`ctxprune prune`: text in, the sentences that the question needs out."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._prune_inputs import Format, Inputs, read_inputs, write_records, write_texts
from ctxprune.cli._prune_policy import PolicyName, named_policy, wrapped_policy
from ctxprune.cli._scorers import MODEL_HELP, named_scorer
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from ctxprune.rag import PassageOptions, PassagePruner
    from ctxprune.result import Pruned
    from ctxprune.scorers import Scorer

__all__ = ["PolicyName", "prune"]


class OnEmpty(str, Enum):
    """What to do where nothing is worth keeping."""

    drop = "drop"
    keep_all = "keep_all"
    keep_best = "keep_best"


def prune(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="UTF-8 files: text, Markdown or JSON lines; none, or -, reads stdin.", show_default=False),
    ] = None,
    *,
    question: Annotated[str, typer.Option("-q", "--question", help="What the text is needed for.")],
    scorer: Annotated[str, typer.Option(help="Registered name of the scorer.")] = "cascade",
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    policy: Annotated[
        PolicyName | None, typer.Option(help="How to choose; default: by the number given, else adaptive.")
    ] = None,
    budget: Annotated[int | None, typer.Option(min=0, help="Tokens that the kept text may take, of all files.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Sentences to keep at most.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least score to keep; with --policy adaptive, relative to the best (0 to 1).")
    ] = None,
    on_empty: Annotated[OnEmpty, typer.Option(help="Where no sentence is chosen.")] = OnEmpty.keep_best,
    form: Annotated[
        Format, typer.Option("--format", help="How to read the files; auto goes by the ends of their names.")
    ] = Format.auto,
    field: Annotated[str, typer.Option(help="Name of the text in JSON lines.")] = "text",
    title_field: Annotated[
        str | None, typer.Option(help="Name of the title in JSON lines, read with each of their sentences.")
    ] = None,
    headings: Annotated[
        bool | None,
        typer.Option(help="Keep a heading with what stands under it; default: in Markdown.", show_default=False),
    ] = None,
    title: Annotated[bool, typer.Option("--title", help="Keep the first line with anything kept of a text.")] = False,
    pronouns: Annotated[
        bool, typer.Option("--pronouns", help="Keep the sentence before one that starts with a pronoun.")
    ] = False,
    protect: Annotated[
        list[str] | None, typer.Option(help="Regular expression; sentences in which it matches are never dropped.")
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="Sentences to keep on each side of a chosen one.")] = 0,
    distinct: Annotated[bool, typer.Option("--distinct", help="Drop sentences that say the same again.")] = False,
    documents: Annotated[int | None, typer.Option(min=1, help="Choose from so many best files or lines only.")] = None,
    reorder: Annotated[bool, typer.Option("--reorder", help="Most relevant file or line first.")] = False,
    drop_empty: Annotated[bool, typer.Option("--drop-empty", help="Leave out lines that lost everything.")] = False,
    language: Annotated[str, typer.Option(help="ISO 639 code, for the ends of sentences.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with spans and scores.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows what was dropped.")] = None,
) -> None:
    """Keep the sentences that a question needs; print them, byte for byte, and account for the rest on stderr.

    JSON lines come out as JSON lines, each with its text pruned and all else as it was. One budget holds for all files.
    """
    from ctxprune.cli import _console
    from ctxprune.pruning import Pruner
    from ctxprune.rag import PassagePruner

    chosen = wrapped_policy(named_policy(policy, budget, top_k, threshold), neighbours=neighbours, distinct=distinct)
    pruner = Pruner(_scorer(scorer, model, titled=title_field is not None), chosen, None, on_empty.value)
    paths = files or [Path("-")]
    read = [path for path in paths if str(path) != "-"]
    if html is not None:
        _console.check_target(html, *read)
    inputs = read_inputs(paths, form, field, title_field)
    bindings = {"title": title, "pronouns": pronouns, "headings": inputs.markdown if headings is None else headings}
    options = _options(inputs.markdown, bindings, protect or [])
    result, order = _pruned(PassagePruner(pruner, documents, reorder), question, inputs, options, language)
    if html is not None:
        _console.write_file(html, _page(result, inputs), *read)
    if as_json:
        _console.emit({"files": inputs.names, "order": order, **result.to_dict()})
    else:
        _write(result.output, inputs, order, field=field, reorder=reorder, drop_empty=drop_empty)
    share = result.tokens_after / max(result.tokens_before, 1)
    _console.say(
        f"kept {len(result.kept)} of {len(result.units)} sentences, {result.tokens_after} of {result.tokens_before}"
        f" tokens ({share:.0%}), {result.scorer}, {result.policy}"
    )


def _scorer(name: str, model: str | None, *, titled: bool) -> Scorer:
    from ctxprune.scorers.titled import TitledScorer

    scorer, _ = named_scorer(name, model)
    return TitledScorer(scorer) if titled and not getattr(scorer, "reads_titles", False) else scorer


def _options(markdown: bool, bindings: dict[str, bool], protect: list[str]) -> PassageOptions:
    from ctxprune.rag import PassageOptions

    try:
        return PassageOptions(markdown=markdown, protect=tuple(protect), **bindings)
    except UsageError as error:
        raise typer.BadParameter(str(error), param_hint="--protect") from error


def _pruned(
    pruner: PassagePruner, question: str, inputs: Inputs, options: PassageOptions, language: str
) -> tuple[Pruned[Any], list[int]]:
    """The result, and the order in which the texts of which something was kept are written."""
    from ctxprune.rag import Passage, Passages

    if len(inputs.texts) == 1 and inputs.records is None:
        passage = Passage(inputs.texts[0], language=language, options=options)
        return pruner.pruner.prune(question, passage), [0]
    ranked = pruner.prune(question, Passages(inputs.texts, language=language, options=options, titles=inputs.titles))
    return ranked.pruned, list(ranked.order)


def _write(
    output: str | list[str], inputs: Inputs, order: list[int], *, field: str, reorder: bool, drop_empty: bool
) -> None:
    if isinstance(output, str):
        write_texts([output])
    elif inputs.records is None:
        write_texts([output[index] for index in order])
    else:
        alive = set(order)
        rest = [] if drop_empty else [index for index in range(len(output)) if index not in alive]
        chosen = [*order, *rest] if reorder else sorted([*order, *rest])
        write_records([inputs.records[index] for index in chosen], [output[index] for index in chosen], field)


def _page(result: Pruned[Any], inputs: Inputs) -> str:
    names = (
        inputs.names if len(inputs.names) == len(inputs.texts) else [f"line {n + 1}" for n in range(len(inputs.texts))]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>ctxprune</title></head>'
        f'<body style="margin:1rem">{result.to_html(names)}</body></html>\n'
    )
