"""`ctxprune bench linking`: how much of what gold SQL needs a linker keeps, and how little else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._bench_pooled import bench_pooled
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
    data: Annotated[Path, typer.Option(help="Folder of the set, as it was published.")],
    linker: Annotated[str, typer.Option(help="Registered name; embedding:MODEL for one with a model.")] = "ranked",
    presql: Annotated[
        str | None,
        typer.Option(metavar="FILE:SYSTEM", help="Preliminary SQL of a system, from a file of published predictions."),
    ] = None,
    evidence: Annotated[bool, typer.Option("--evidence/--no-evidence", help="Also use an item's evidence.")] = True,
    schemas: Annotated[
        Path | None, typer.Option(help="Folder of schemas and databases that DATA lacks; default: sibling spider.")
    ] = None,
    split: Annotated[str, typer.Option(help="dev or train.")] = "dev",
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Look among all columns and tables of all databases of the set.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="That many items, stratified by database.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
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
        bench_pooled(data, evidence=evidence, limit=limit, as_json=as_json)
        return
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.linking import linking_cases, measure
    from ctxprune.sql.linking import LINKERS

    made = _linker(linker)
    name = LINKERS.name_of(type(made))
    bench = load(data, schemas=schemas, split=split)
    link: Callable[[LinkingCase], Linked] = lambda case: case.link(made)  # noqa: E731
    document: dict[str, Any] = {"set": bench.name, "split": split, "linker": name, "evidence": evidence}
    if presql is not None:
        link, account = _with_presql(presql, bench, made)
        document |= {"linker": "presql.v1", "inner": name, "presql": account}
    chosen = bench.items if limit is None else sample_items(bench.items, limit, seed=seed)
    with _console.progress() as bar:
        task = bar.add_task("values", total=len(chosen))
        cases = linking_cases(bench, evidence=evidence, items=chosen, progress=_Steps(bar, task))
        task = bar.add_task("linking", total=len(cases.cases))
        report = measure(link, cases, progress=_Steps(bar, task))
    document |= {"data": bench.fingerprint} | report.to_dict()
    if as_json:
        _console.emit(document)
    else:
        _show(document)


class _Steps:
    """Moves one task of a progress bar."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)


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
        load = getattr(kind, "load", None)
        if load is None:
            raise UsageError(f"the linker {name} takes no model", where=words, hint="give its name alone")
        made: Linker = load(model)
        return made
    try:
        return kind()
    except TypeError as error:
        raise UsageError(
            f"the linker {name} needs more than its name ({error})",
            hint="name a model after it (embedding:FOLDER), or use Python",
        ) from error


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "", show_header=False, title=f"{document['set']} {document['split']}, {document['linker']}")
    for name in _SHOWN:
        table.add_row(name, str(document[name]))
    _console.data().print(table)
