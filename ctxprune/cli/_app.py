"""The tree of commands."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ctxprune._version import __version__
from ctxprune.cli import (
    bench_compare,
    bench_conversations,
    bench_dedup,
    bench_field,
    bench_html,
    bench_kv,
    bench_linking,
    bench_passages,
    bench_rerank,
    bench_select,
    bench_sqleval,
    bench_tables,
    bench_text_to_sql,
    bench_tools,
    bench_trust,
    bench_values,
    calibrate,
    corpus_prune,
    dedup,
    demo,
    doctor,
    extract,
    mcp,
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
    sql_match,
    sql_migrate,
    sql_values,
    train_distil,
    train_pruner,
    train_select,
)  # fmt: skip
from ctxprune.cli._examples import DOORS, format_examples

__all__ = ["app"]

_HELP = {"help_option_names": ["-h", "--help"]}


def _hide_flag_types(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:  # arguments have no such attribute
            param.metavar = ""
    return params


def _is_single(param: Any) -> bool:
    """Whether it is an option that takes a value, and no more than one."""
    return not (getattr(param, "is_flag", True) or param.multiple or getattr(param, "count", False))


class Command(TyperCommand):
    """A command whose help shows a flag without a type, and that refuses an option that is given twice by mistake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Of an option that takes one value the last one would be used, and the others lost without a word."""
        single: dict[str, Any] = {name: param for param in self.params if _is_single(param) for name in param.opts}
        seen: set[Any] = set()
        for word in itertools.takewhile(lambda word: word != "--", args):
            param = single.get(word.partition("=")[0])
            if param in seen:
                raise typer.BadParameter("it is given twice, and takes one value", ctx=ctx, param=param)
            seen.update(() if param is None else (param,))
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments, `--help` included."""
        return _hide_flag_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands, with such help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command; of a name that only a group below has (`ctxprune ask`) the error says where it is."""
        name = args[0] if args else ""
        if name and name not in self.commands:
            groups = [group for group in self.commands if name in getattr(self.commands[group], "commands", ())]
            if groups:
                path = " or ".join(f"'{ctx.command_path} {group} {name}'" for group in groups)
                ctx.fail(f"No such command '{name}'. Write {path}.")
        return super().resolve_command(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """The options, `--help` included."""
        return _hide_flag_types(super().get_params(ctx))


class ShrinkGroup(Group):
    """`ctxprune shrink MODEL …` is `ctxprune shrink run MODEL …`; a model called "list" needs the long form."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where there is none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _help_of(function: Callable[..., None]) -> str:
    """Its docstring with each paragraph on one line: the terminal says where lines end, and not the source."""
    return "\n\n".join(part.replace("\n", " ") for part in inspect.cleandoc(function.__doc__ or "").split("\n\n"))


app = typer.Typer(
    cls=Group,
    name="ctxprune",
    help="Prune what enters a language model's context to what the question needs.",
    pretty_exceptions_enable=False,
    context_settings=_HELP,
)
sql = typer.Typer(cls=Group, help="Ask a database in plain words.", no_args_is_help=True, context_settings=_HELP)
bench = typer.Typer(cls=Group, help="Measure on public benchmarks.", no_args_is_help=True, context_settings=_HELP)
corpus = typer.Typer(
    cls=Group, help="Prune corpora before they are indexed.", no_args_is_help=True, context_settings=_HELP
)
train = typer.Typer(
    cls=Group, help="Train the bundled models, and choose training data.", no_args_is_help=True, context_settings=_HELP
)
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
        typer.echo(DOORS, nl=False)


_COMMANDS: tuple[tuple[typer.Typer, dict[str, Callable[..., None]]], ...] = (
    (
        app,
        {
            "prune": prune.prune,
            "dedup": dedup.dedup,
            "demo": demo.demo,
            "doctor": doctor.doctor,
            "extract": extract.extract,
            "calibrate": calibrate.calibrate,
            "mcp": mcp.mcp,
            "models": models.models,
            "serve": serve.serve,
        },
    ),
    (
        sql,
        {
            "index": sql_index.index,
            "values": sql_values.values,
            "link": sql_link.link,
            "ask": sql_ask.ask,
            "check": sql_check.check,
            "learn": sql_learn.learn,
            "match": sql_match.match,
            "migrate": sql_migrate.migrate,
        },
    ),
    (
        bench,
        {
            "bird": bench_text_to_sql.bird,
            "compare": bench_compare.compare,
            "cosql": bench_conversations.cosql,
            "html": bench_html.html,
            "dedup": bench_dedup.dedup,
            "field": bench_field.field,
            "kv": bench_kv.kv,
            "linking": bench_linking.linking,
            "passages": bench_passages.passages,
            "rerank": bench_rerank.rerank,
            "select": bench_select.select,
            "sparc": bench_conversations.sparc,
            "spider": bench_text_to_sql.spider,
            "sqleval": bench_sqleval.sqleval,
            "tables": bench_tables.tables,
            "tools": bench_tools.tools,
            "trust": bench_trust.trust,
            "values": bench_values.values,
        },
    ),
    (corpus, {"prune": corpus_prune.prune}),
    (
        train,
        {
            "pruner": train_pruner.pruner,
            "distil": train_distil.distil,
            "select": train_select.select,
        },
    ),
    (
        shrink,
        {
            "audit": shrink_audit.audit_models,
            "list": shrink_list.list_recipes,
            "run": shrink_run.run,
            "show": shrink_show.show,
        },
    ),
)

# Headings of `ctxprune --help`.
_CONTEXTS, _DATABASES, _SERVING, _MODELS = "Contexts", "Databases", "Serving", "Models and measurement"
_PANELS = {
    **dict.fromkeys(("prune", "dedup", "extract", "corpus"), _CONTEXTS),
    **dict.fromkeys(("sql", "demo", "calibrate"), _DATABASES),
    **dict.fromkeys(("serve", "mcp", "doctor"), _SERVING),
    **dict.fromkeys(("models", "shrink", "train", "bench"), _MODELS),
}
_GROUPS = {"sql": sql, "bench": bench, "corpus": corpus, "train": train, "shrink": shrink}
_PREFIX = {id(group): f"{name} " for name, group in _GROUPS.items()}

# One loop, so that every command gets the class that hides the types of flags, such a help, and examples.
for group, commands in _COMMANDS:
    prefix = _PREFIX.get(id(group), "")
    for name, function in commands.items():
        group.command(
            name,
            cls=Command,
            help=_help_of(function),
            epilog=format_examples(prefix + name),
            rich_help_panel=None if prefix else _PANELS[name],
        )(function)
for name, group in _GROUPS.items():
    app.add_typer(group, name=name, rich_help_panel=_PANELS[name])
