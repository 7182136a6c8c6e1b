"""`ctxprune bench linking`: how much of what gold SQL needs a linker keeps, and how little else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, SchemasOption, SetOption, SplitOption
from ctxprune.errors import InputError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.sql.evaluation.datasets import Benchmark
    from ctxprune.sql.evaluation.linking import LinkingCase
    from ctxprune.sql.linking.base import Linked, Linker

__all__ = ["linking"]

_SHOWN = (
    "strict_recall", "kept_share", "column_recall", "table_recall", "precision", "tokens_before", "tokens_after",
    "ms_per_question", "items", "unlabelled",
)  # fmt: skip


def linking(
    data: SetOption,
    linker: Annotated[str, typer.Option(help="Registered name; embedding:MODEL for one with a model.")] = "ranked",
    presql: Annotated[
        str | None,
        typer.Option(metavar="FILE:SYSTEM", help="Preliminary SQL of a system, from a file of published predictions."),
    ] = None,
    evidence: Annotated[bool, typer.Option("--evidence/--no-evidence", help="Also use an item's evidence.")] = True,
    schemas: SchemasOption = None,
    split: SplitOption = "dev",
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Look among all columns and tables of all databases of the set.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items to sample, stratified by database; default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the sample.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Score a linker, as it is shipped, on all items whose gold query can be labelled.

    Strict recall is the percentage of questions of which every needed table and column was kept; it only means
    something beside the kept share, the percentage of the schema's columns that were kept, keys included. Value hits
    come from the databases that are there. With --presql, the SQL of that system joins in, and the linker is the inner
    one.

    With --pooled, the set's databases are one pool (also CRUSH4SQL's bird_UNION.txt): the percentage of needed columns
    among the first k, of questions with all of them there, and of questions with all needed tables among the first k.
    """
    if pooled:
        if linker != "ranked" or presql is not None or schemas is not None or split != "dev":
            raise typer.BadParameter("goes with --evidence, --limit and --json alone", param_hint="--pooled")
        _rank_pool(data, evidence=evidence, limit=limit, as_json=as_json)
        return
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.linking import linking_cases, measure
    from ctxprune.sql.linking import LINKERS

    inner_linker = _linker(linker)
    name = LINKERS.name_of(type(inner_linker))
    with show_progress("reading the set"):
        bench = load(data, schemas=schemas, split=split)
    link: Callable[[LinkingCase], Linked] = lambda case: case.link(inner_linker)  # noqa: E731
    document: dict[str, Any] = {"set": bench.name, "split": split, "linker": name, "evidence": evidence}
    if presql is not None:
        link, account = _with_presql(presql, bench, inner_linker)
        document |= {"linker": "presql.v1", "inner": name, "presql": account}
    chosen = bench.items if limit is None else sample_items(bench.items, limit, seed=seed)
    with show_progress("values", len(chosen)) as line:
        cases = linking_cases(bench, evidence=evidence, items=chosen, progress=line.update)
    with show_progress("linking", len(cases.cases)) as line:
        report = measure(link, cases, progress=line.update)
    document |= {"data": bench.fingerprint} | report.to_dict()
    if as_json:
        _console.print_json(document)
    else:
        title = f"{document['set']} {document['split']}, {document['linker']}"
        _console.print_figures(title, ((name, document[name]) for name in _SHOWN))


def _with_presql(
    presql: str, bench: Benchmark, inner: Linker
) -> tuple[Callable[[LinkingCase], Linked], dict[str, Any]]:
    """A linker with the SQL of one system, and what to say about it."""
    from ctxprune.sql.evaluation.candidates import read_candidates
    from ctxprune.sql.linking.presql import PresqlLinker

    file, _, system = presql.rpartition(":")
    if not file or not system:
        raise typer.BadParameter(f"{presql!r} is not FILE:SYSTEM", param_hint="--presql")
    candidates = read_candidates(Path(file))
    sqls = candidates.of(system, bench.items)
    if not sqls:
        raise InputError(
            f"{system} has no SQL for any question of {bench.name}", where=file, hint="name the set's own file"
        )
    # Its SQL is given for each question, so the one it would write itself is not needed.
    linker = inner if isinstance(inner, PresqlLinker) else PresqlLinker(inner=inner)

    def link(case: LinkingCase) -> Linked:
        given = [sqls[case.item.index]] if case.item.index in sqls else []
        return linker.link_sql(given, case.item.question, case.schema, hits=case.hits, evidence=case.evidence)

    account = {"file": candidates.name, "system": system, "data": candidates.fingerprint, "items": len(sqls)}
    return link, account


def _linker(words: str) -> Linker:
    from ctxprune.sql.linking import LINKERS

    name, _, model = words.partition(":")
    try:
        kind = LINKERS.get(name)
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--linker") from error
    if model:
        load = getattr(kind, "load", None)  # few linkers have a model, and plug-ins need not derive from ours
        if load is None:
            raise UsageError(f"the linker {name} takes no model", where=words, hint="give its name alone")
        inner_linker: Linker = load(model)
        return inner_linker
    try:
        return kind()
    except TypeError as error:
        raise UsageError(
            f"the linker {name} needs more than its name ({error})",
            hint="name a model after it (embedding:FOLDER), or use Python",
        ) from error


def _rank_pool(data: Path, *, evidence: bool, limit: int | None, as_json: bool) -> None:
    """Rank the pool of the set for its questions and show the figures of `ctxprune.sql.evaluation.pooled.pooled`."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.pooled import pooled

    with show_progress("ranking") as line:
        document = pooled(data, evidence=evidence, limit=limit, progress=line.update)
    if as_json:
        _console.print_json(document)
        return
    rows = []
    for name, value in document.items():
        shares = [f"{share} @{k}" for k, share in value.items()] if isinstance(value, dict) else [str(value)]
        rows.append((name, ", ".join(shares)))
    _console.print_figures(f"{document['set']}, {document['databases']} databases pooled", rows)
