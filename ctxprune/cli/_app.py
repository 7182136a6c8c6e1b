"""The tree of commands."""

from __future__ import annotations

import typer

from ctxprune._version import __version__
from ctxprune.cli import (
    bench_bird,
    bench_compare,
    bench_dedup,
    bench_html,
    bench_kv,
    bench_linking,
    bench_passages,
    bench_rerank,
    bench_select,
    bench_spider,
    bench_tables,
    bench_tools,
    bench_values,
    calibrate,
    dedup,
    demo,
    models,
    prune,
    serve,
    shrink_audit,
    shrink_list,
    shrink_run,
    shrink_show,
    sql_ask,
    sql_check,
    sql_index,
    sql_learn,
    sql_link,
    sql_values,
    train_distil,
    train_pruner,
)  # fmt: skip
from ctxprune.cli._shrink_group import ShrinkGroup

__all__ = ["app"]

_HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="ctxprune",
    help="Prune what enters a language model's context to what the question needs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=_HELP,
)
sql = typer.Typer(help="Ask a database in plain words.", no_args_is_help=True, context_settings=_HELP)
bench = typer.Typer(help="Measure on public benchmarks.", no_args_is_help=True, context_settings=_HELP)

train = typer.Typer(help="Train the bundled models.", no_args_is_help=True, context_settings=_HELP)
shrink = typer.Typer(
    cls=ShrinkGroup,
    help="Make a model smaller: ctxprune shrink MODEL --data FILE --target latency=0.5 --recipe NAME --out DIR.",
    no_args_is_help=True,
    context_settings=_HELP,
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks.", hidden=False),  # noqa: ARG001
) -> None:
    """Options of every command."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("prune")(prune.prune)
app.command("dedup")(dedup.dedup)
app.command("demo")(demo.demo)
app.command("calibrate")(calibrate.calibrate)
app.command("models")(models.models)
app.command("serve")(serve.serve)
sql.command("index")(sql_index.index)
sql.command("values")(sql_values.values)
sql.command("link")(sql_link.link)
sql.command("ask")(sql_ask.ask)
sql.command("check")(sql_check.check)
sql.command("learn")(sql_learn.learn)
bench.command("bird")(bench_bird.bird)
bench.command("compare")(bench_compare.compare)
bench.command("html")(bench_html.html)
bench.command("dedup")(bench_dedup.dedup)
bench.command("kv")(bench_kv.kv)
bench.command("linking")(bench_linking.linking)
bench.command("passages")(bench_passages.passages)
bench.command("rerank")(bench_rerank.rerank)
bench.command("select")(bench_select.select)
bench.command("spider")(bench_spider.spider)
bench.command("tables")(bench_tables.tables)
bench.command("tools")(bench_tools.tools)
bench.command("values")(bench_values.values)
train.command("pruner")(train_pruner.pruner)
train.command("distil")(train_distil.distil)
shrink.command("audit")(shrink_audit.audit_models)
shrink.command("list")(shrink_list.list_recipes)
shrink.command("run")(shrink_run.run)
shrink.command("show")(shrink_show.show)
app.add_typer(sql, name="sql")
app.add_typer(bench, name="bench")
app.add_typer(train, name="train")
app.add_typer(shrink, name="shrink")
