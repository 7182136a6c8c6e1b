"""`ctxprune shrink audit FULL SHRUNK…`: what the mean hides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.errors import InputError, UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.shrink.audit import AuditedDecoder, AuditReport, DecoderReport, Question

__all__ = ["audit_models"]


def audit_models(
    full: Annotated[
        str, typer.Argument(metavar="FULL", help="Folder of the original model, or the name of a bundled one.")
    ],
    shrunk: Annotated[list[str], typer.Argument(metavar="SHRUNK…", help="Folders of the shrunk models.")],
    data: Annotated[
        Path,
        typer.Option(help="Pairs with labels as JSON lines, as for shrink; of decoders texts.", show_default=False),
    ],
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of the first SHRUNK made with other data or another seed. May be repeated.", show_default=False
        ),
    ] = None,
    knowledge: Annotated[
        Path | None,
        typer.Option(help='Of decoders: questions as JSON lines {"prompt", "answers", "right"}.', show_default=False),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="HTML page to write.", show_default=False)] = None,
    tokens: Annotated[int, typer.Option(min=8, help="Most tokens of question and passage together.")] = 256,
    seed: Annotated[int, typer.Option(help="Random seed of the confidence intervals.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto; pruners run on the CPU alone.")] = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Compare shrunk models with the full one: slices, changed first texts, exemplars, spread, swapped names."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.shrink.audit.models import load_decoder

    if html is not None:
        _console.check_target(html, data)
    with show_progress("loading the model"):
        device = _prepare_torch(threads, device)
        generator = load_decoder(full, tokens=tokens)
    if generator is None and knowledge is not None:
        raise UsageError("questions of knowledge are for decoders", where="--knowledge")
    if generator is not None and variant:
        raise UsageError("variants are of rerankers and embedders", where="--variant")
    if generator is not None and device != "cpu":
        raise UsageError("decoders are audited on the CPU", where="--device", hint="leave it out")
    with show_progress("audit", len(shrunk) + 1) as line:

        def tell(name: str) -> None:
            line.update(line.done + 1, step=name)

        report: AuditReport | DecoderReport
        if generator is None:
            report = _compare_rankers(full, shrunk, data, variant or (), tokens, device, seed=seed, tell=tell)
        else:
            report = _compare_decoders(generator, shrunk, data, knowledge, tokens, seed=seed, tell=tell)
    if html is not None:
        _console.write_file(html, report.to_html(), data)
    if as_json:
        _console.print_json(report.to_dict())
    elif generator is None:
        _show(report.models)
    else:
        _show_decoders(report.models)


def _compare_rankers(
    full: str, shrunk: Sequence[str], data: Path, variants: Sequence[str], tokens: int, device: str, *, seed: int,
    tell: Callable[[str], None],
) -> AuditReport:  # fmt: skip
    from ctxprune.shrink.audit import audit
    from ctxprune.shrink.audit.models import load_audited

    questions = _questions(data)
    models = [
        load_audited(name, tokens=tokens, variants=variants if name == shrunk[0] else (), device=device)
        for name in shrunk
    ]
    return audit(load_audited(full, tokens=tokens, device=device), models, questions, seed=seed, progress=tell)


def _compare_decoders(
    full: AuditedDecoder, shrunk: Sequence[str], data: Path, knowledge: Path | None, tokens: int, *, seed: int,
    tell: Callable[[str], None],
) -> DecoderReport:  # fmt: skip
    from ctxprune.shrink.audit import audit_decoders
    from ctxprune.shrink.audit.models import load_decoder
    from ctxprune.shrink.audit.probes import FACTS, read_choices
    from ctxprune.shrink.data.texts import read_texts

    models = []
    for name in shrunk:
        model = load_decoder(name, tokens=tokens)
        if model is None:
            raise UsageError("this is no decoder, and the full model is one", where=name)
        models.append(model)
    choices = FACTS if knowledge is None else read_choices(knowledge)
    return audit_decoders(full, models, read_texts(data), knowledge=choices, seed=seed, progress=tell)


def _prepare_torch(threads: int, device: str) -> str:
    """Set the threads and find the device; of pruners neither needs torch."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        if device != "cpu":
            require("torch", "train")
        return device
    import torch

    from ctxprune.shrink.run.timing import choose_device

    torch.set_num_threads(threads)
    return choose_device(device)


def _questions(data: Path) -> list[Question]:
    from ctxprune.shrink.audit import Question
    from ctxprune.shrink.data.pairs import read_pairs

    by_question: dict[tuple[str, str], list[Any]] = {}
    for pair in read_pairs(data):
        if pair.label is None:
            raise UsageError("an audit needs labels", where=data.name, hint='give each line a "label"')
        by_question.setdefault((pair.question, pair.source), []).append(pair)
    questions = [
        Question(query, tuple(pair.passage for pair in own), tuple(pair.label for pair in own), source)
        for (query, source), own in by_question.items()
    ]
    if not any(len(question.texts) > 1 for question in questions):
        raise InputError("no question has two passages", where=data.name)
    return questions


def _show(models: Sequence[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from ctxprune.cli import _console

    table = Table("model", "nDCG@10", "lost (95 %)", "texts/s", "first text changed", "worst slice")
    for model in models:
        lost = f"{model['lost']} ({model['lost_95'][0]} to {model['lost_95'][1]})" if "lost" in model else ""
        worst = model.get("worst_slice", "")
        slice_lost = f"{worst}: {model['slices'][worst]['lost']}" if worst else ""
        flips = f"{model['flips']['share']} %" if "flips" in model else ""
        figures = (str(model["ndcg@10"]), lost, f"{model['texts_a_second']:,.0f}", flips, slice_lost)
        table.add_row(Text(model["name"], overflow="fold"), *map(Text, figures))
    _console.stdout_console().print(table)


def _show_decoders(models: Sequence[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from ctxprune.cli import _console

    table = Table(
        "model", "perplexity", "lost, nats (95 %)", "knowledge", "retrieval", "people", "unkind", "worst slice"
    )
    for model in models:
        lost = f"{model['lost']} ({model['lost_95'][0]} to {model['lost_95'][1]})" if "lost" in model else ""
        rights = (f"{model[name]['right']} %" for name in ("knowledge", "retrieval"))
        figures = (f"{model['perplexity']:,}", lost, *rights, str(model["people"]["mean_change"]))
        worst = model.get("worst_slice", "")
        table.add_row(
            Text(model["name"], overflow="fold"), *map(Text, figures), f"{model['unkind']['mean']} %", Text(worst)
        )
    _console.stdout_console().print(table)
