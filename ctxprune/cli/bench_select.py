"""`ctxprune bench select`: how often the chosen one of several published predictions is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, SchemasOption, SetOption, SplitOption
from ctxprune.errors import UnknownNameError

if TYPE_CHECKING:
    from ctxprune.sql.evaluation.selection import SelectionCase

__all__ = ["select"]

_SHOWN = (
    "ex", "best_single", "majority", "any_correct", "ex_sure", "ece", "items", "systems", "cross_fitted", "trained_on",
)  # fmt: skip


def select(
    data: SetOption,
    candidates: Annotated[Path, typer.Option(help="File of published predictions, one JSON line a question.")],
    selector: Annotated[str, typer.Option(help="ranked or vote.")] = "ranked",
    schemas: SchemasOption = None,
    split: SplitOption = "dev",
    cache: Annotated[
        Path | None, typer.Option(help="File that keeps results of queries; default: in the cache folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a selector on candidates, by the set's own rule, on the items whose database is there.

    Systems that saw gold schema items, by their names, are left out. Nothing is trained on the file. A database whose
    candidates the shipped weights learned from is scored by those of them that did not (`cross_fitted`). Results of
    queries are kept in a file, so that a second run is faster.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.candidates import read_candidates
    from ctxprune.sql.evaluation.datasets import load
    from ctxprune.sql.evaluation.executions import ExecutionCache
    from ctxprune.sql.evaluation.selection import measure, selection_cases
    from ctxprune.sql.select.base import SELECTORS
    from ctxprune.sql.select.ranked import RankedSelector, load_weights
    from ctxprune.storage.folders import cache_folder

    try:
        kind = SELECTORS.get(selector)
        chooser = kind()
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--selector") from error
    except TypeError as error:
        why = f"{selector!r} cannot be made from its name alone, it may need a language model: give ranked or vote"
        raise typer.BadParameter(why, param_hint="--selector") from error
    name = SELECTORS.name_of(kind)
    weights = load_weights() if isinstance(chooser, RankedSelector) else None
    with show_progress("reading the set"):
        bench, file = load(data, schemas=schemas, split=split), read_candidates(candidates)

    def choose(case: SelectionCase) -> tuple[int | None, float]:
        item = case.item
        if weights is None:
            choice = chooser.select(item.question, case.executed)
        else:
            # Weights that never saw this database; the others would know the answers.
            ranker = RankedSelector(weights=weights.blind_to(item.db_id))
            choice = ranker.rank(item.question, case.executed, evidence=item.evidence, known=case.known)
        return choice.index, choice.confidence

    place = cache or cache_folder() / "executions.sqlite"
    _console.check_not_input(place, candidates, *bench.databases.values())
    with show_progress("candidates", len(bench.present)) as line, ExecutionCache(place) as held:
        cases = selection_cases(
            bench,
            file,
            with_known=weights is not None,
            cache=held,
            progress=line.update,
        )
        line.name_step("choosing")
        report = measure(choose, cases)
    document: dict[str, Any] = {"set": bench.name, "selector": name, "data": bench.fingerprint}
    document |= {"candidates": file.fingerprint} | report.to_dict()
    if weights is not None:
        document["cross_fitted"] = any(case.item.db_id in weights.learned for case in cases)
        document["trained_on"] = list(weights.trained_on)
    if as_json:
        _console.print_json(document)
    else:
        rows = ((name, document[name]) for name in _SHOWN if name in document)
        _console.print_figures(f"{document['set']}, {document['selector']}", rows)
