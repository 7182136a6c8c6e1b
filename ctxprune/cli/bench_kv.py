"""`ctxprune bench kv`: what presses of the KV cache cost in accuracy, and save in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ctxprune.kv.evaluation.run import Comparison

__all__ = ["kv"]


def kv(
    model: Annotated[Path, typer.Option(help="Folder of a causal language model, or a .gguf file.")],
    text: Annotated[Path, typer.Option(help="Plain text, for needles to hide in and for perplexity; .gz is read.")],
    press: Annotated[
        list[str] | None, typer.Option(help="SnapKV, AdaKV(SnapKV), ... Default: all that need no training.")
    ] = None,
    ratio: Annotated[
        list[float] | None, typer.Option(help="Share of bytes to save, 0 up to but not 1. Default: 0.5, 0.75, 0.875.")
    ] = None,
    mode: Annotated[list[str] | None, typer.Option(help="blind or aware (of the question). Default: both.")] = None,
    storage: Annotated[list[str] | None, typer.Option(help="plain, kivi8, kivi4 or kivi2. Default: plain.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="needle, key_value, multi_key, multi_value, multi_query, variables, common_words or passages. "
            "Default: needle and key_value."
        ),
    ] = None,
    tokens: Annotated[int, typer.Option(min=64, help="Tokens of a context.")] = 4096,
    samples: Annotated[int, typer.Option(min=1, help="Samples of each task.")] = 10,
    windows: Annotated[int, typer.Option(min=0, help="Windows for perplexity; 0: none.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    log: Annotated[
        Path | None, typer.Option(help="File that keeps finished rows; a run that was stopped continues from it.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="bfloat16, float32 or float16.")] = "bfloat16",
    as_json: JsonOption = False,
) -> None:
    """Prune the KV cache of long contexts, then query them: accuracy, perplexity, bytes, time.

    Options without a number may be repeated.
    """
    from ctxprune.cli import _console
    from ctxprune.utils.extras import require

    require("torch", "train")
    require("transformers", "train")
    from ctxprune.cli._progress import show_progress
    from ctxprune.kv.evaluation.run import Comparison, check_log, compare, read_text
    from ctxprune.kv.model.loading import load_decoder

    comparison = Comparison(
        presses=tuple(press or ()),
        ratios=tuple(ratio or (0.5, 0.75, 0.875)),
        modes=tuple(mode or ("blind", "aware")),
        storages=tuple(storage or ("plain",)),
        tasks=tuple(task or ("needle", "key_value")),
        tokens=tokens,
        samples=samples,
        windows=windows,
        seed=seed,
    )
    if log is not None:
        _console.check_not_input(log, text)
        check_log(log)
    # Before the model is loaded, which takes minutes for a large one.
    _check_presses(comparison.presses, comparison.ratios)
    _check_length(read_text(text), text, comparison)
    with show_progress("loading the model") as line:
        decoder, tokenizer = load_decoder(model, dtype=dtype)
        line.name_step("bench kv")
        rows = compare(
            decoder,
            tokenizer,
            text,
            comparison,
            log=log,
            progress=line.update,
        )
    document: dict[str, Any] = {"model": model.name, "text": text.name, **comparison.to_dict(), "rows": rows}
    if as_json:
        _console.print_json(document)
        return
    _print_rows(_console.stdout_console(), rows, comparison.tasks)


def _check_length(read: str, text: Path, comparison: Comparison) -> None:
    """Raises InputError for a text that cannot fill a context, whatever the tokenizer: a token has a byte at least."""
    from ctxprune.errors import InputError

    size = len(read.encode("utf-8", "replace"))
    # Half of it, since question, facts and the model's template take room of the context too.
    if {*comparison.tasks} - _WITHOUT_TEXT and size < comparison.tokens // 2:
        raise InputError(
            f"the text has {size} bytes, and contexts of {comparison.tokens} tokens are made of it",
            where=str(text),
            hint=f"give about {4 * comparison.tokens} characters of running text, or fewer --tokens",
        )


def _check_presses(names: tuple[str, ...], ratios: tuple[float, ...]) -> None:
    """Raises UsageError for a press that needs something learned, or cannot be built at one of the ratios."""
    from ctxprune.errors import UsageError
    from ctxprune.kv.presses.registry import build_press

    for name in names:
        for ratio in ratios:
            if build_press(name, ratio).learned:
                raise UsageError(
                    f"{name} needs what was learned for the model",
                    hint="compare it in Python: compare(..., cells=cells_of(asked, filters)) of kv.evaluation.run",
                )


_WITHOUT_TEXT = frozenset({"common_words", "key_value"})  # tasks whose contexts are made up
_COSTS = {"perplexity": "perplexity", "bytes_ratio": "bytes", "press_ms": "press ms", "prefill_ms": "read ms"}


def _print_rows(console: Console, rows: list[dict[str, Any]], tasks: tuple[str, ...]) -> None:
    """One table, or as many as the terminal's width asks for, so that no name and no number is broken."""
    varying = {"ratio": "saved", "mode": "question", "storage": "storage"}
    # The full cache, in the first row, has a ratio of its own.
    keys = {name: head for name, head in varying.items() if len({row[name] for row in rows[1:]}) > 1}
    same = [f"{head} {rows[-1][name]}" for name, head in varying.items() if name not in keys]
    right = {task: task.replace("_", " ") for task in tasks} | ({"accuracy": "mean"} if len(tasks) > 1 else {})
    costs = {name: head for name, head in _COSTS.items() if any(row[name] is not None for row in rows)}
    console.print(", ".join(["KV cache pruning, correct answers in %", *same]))
    shown = dict(keys)
    for name, head in {**right, **costs}.items():
        wider = {**shown, name: head}
        # Measured without the terminal's limit, to which every width would be cut.
        width = console.measure(_make_table(rows, wider), options=console.options.update(max_width=1000)).minimum
        if len(shown) > len(keys) and width > console.width:
            console.print(_make_table(rows, shown))
            wider = {**keys, name: head}
        shown = wider
    console.print(_make_table(rows, shown))


def _make_table(rows: list[dict[str, Any]], heads: dict[str, str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=0)
    table.add_column("press", no_wrap=True)
    for name, head in heads.items():
        # Heads break between words, and numbers not at all.
        longest = max(len(word) for word in [*head.split(), *(_format(row[name]) for row in rows)])
        table.add_column(head, justify="left" if name in ("mode", "storage") else "right", width=longest)
    for row in rows:
        table.add_row(row["press"], *(_format(row[name]) for name in heads))
    return table


def _format(value: Any) -> str:
    return "" if value is None else str(value)
