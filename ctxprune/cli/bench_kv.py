"""`ctxprune bench kv`: what presses of the KV cache cost in accuracy, and save in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption

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
    _refuse_learned(comparison.presses)
    read_text(text)  # before the model, which takes its time
    decoder, tokenizer = load_decoder(model, dtype=dtype)
    with _console.track_progress("bench kv") as advance:
        rows = compare(
            decoder,
            tokenizer,
            text,
            comparison,
            log=log,
            progress=advance,
        )
    document: dict[str, Any] = {"model": model.name, "text": text.name, **comparison.to_dict(), "rows": rows}
    if as_json:
        _console.print_json(document)
        return
    _console.stdout_console().print(_table(rows))


def _refuse_learned(names: tuple[str, ...]) -> None:
    from ctxprune.errors import UsageError
    from ctxprune.kv.presses.registry import build_press

    for name in names:
        if build_press(name, 0.5).learned:
            raise UsageError(
                f"{name} needs what was learned for the model",
                hint="compare it in Python: ctxprune.kv.evaluation.run.compare(..., cells=cells_of(asked, filters))",
            )


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table

    shown = {
        "press": "press",
        "ratio": "saved",
        "mode": "question",
        "storage": "storage",
        "accuracy": "accuracy",
        "perplexity": "perplexity",
        "bytes_ratio": "bytes",
        "press_ms": "press ms",
        "prefill_ms": "read ms",
    }
    table = Table(title="KV cache pruning", box=box.SIMPLE, padding=0)
    for name, head in shown.items():  # a narrow terminal cuts no digit off
        table.add_column(head, overflow="fold", justify="left" if name in ("press", "mode", "storage") else "right")
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in shown))
    return table
