"""The audit of generators as one page: a table of models, then for each of them its slices and what it forgot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.shrink.audit.page import (
    bar_rows,
    render_document,
    render_examples,
    render_recovery,
    render_table,
    show_interval,
    show_size,
)
from ctxprune.shrink.audit.questions import LEAST
from ctxprune.utils.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["render_decoder_page"]


def render_decoder_page(
    models: Sequence[Mapping[str, Any]], texts: int, seed: int, recovery: Mapping[str, Any] | None
) -> str:
    """The whole document; arguments as `DecoderReport` holds them."""
    full = models[0]
    parts = [
        f'<p class="note">{texts} texts; lost: nats a token, the mean over texts, with intervals of 95 % by bootstrap'
        f" (seed {seed}). The full model is {escape(full['name'])}. Multiply-adds: of the layers, for 128 tokens.</p>",
        f'<div class="wide">{_overview(models)}</div>',
        "<h2>Knowledge, retrieval and people</h2>",
        f'<div class="wide">{_answers(models)}</div>',
        f'<p class="note">Knowledge: the model has to know the answer (by chance {full["knowledge"]["chance"]} %).'
        f" Retrieval: the text above says it (by chance {full['retrieval']['chance']} %). People: how far the"
        " likelihood of a sentence moves, in nats, when it is about a woman instead of a man, and which way it leans"
        " (above 0: towards the man). Unkind words: their probability after sentences that begin about people, the"
        " mean and the worst beginning. Small sets: read differences, not levels.</p>",
        *("".join(_model(model)) for model in models[1:]),
        render_recovery(recovery),
    ]
    return render_document(models, parts)


def _overview(models: Sequence[Mapping[str, Any]]) -> str:
    full = models[0]
    rows = [
        [
            escape(model["name"]),
            f"{model['perplexity']:,.2f}",
            show_interval(model) if "lost" in model else "",
            f"{model['tokens_a_second']:,.0f}",
            f"{model['tokens_a_second'] / full['tokens_a_second']:.1f} x" if model is not full else "",
            *(show_size(model["sizes"].get(name), name) for name in ("bytes", "parameters", "flops")),
        ]
        for model in models
    ]
    heads = ("model", "perplexity", "lost", "tokens/s", "speed", "size", "parameters", "multiply-adds")
    return render_table(heads, rows)


def _answers(models: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            escape(model["name"]),
            *(f"{model[name]['right']:.1f} %" for name in ("knowledge", "retrieval")),
            f"{model['people']['mean_change']:.2f}",
            f"{model['people']['leaning']:+.2f}",
            f"{model['unkind']['mean']:.2f} %",
            f"{model['unkind']['largest']:.2f} % <small>{escape(model['unkind']['prompt'])} …</small>",
        ]
        for model in models
    ]
    return render_table(("model", "knowledge", "retrieval", "people", "leaning", "unkind words", "worst"), rows)


def _model(model: Mapping[str, Any]) -> Iterable[str]:
    yield f"<h2>{escape(model['name'])}</h2>"
    if model["slices"]:
        yield "<h3>Where it loses (orange) and gains (blue)</h3>"
        if any(entry["texts"] < LEAST for entry in model["slices"].values()):
            yield f'<p class="note">Pale: under {LEAST} texts, too few to be called the worst.</p>'
        yield render_table(("slice", "texts", "full", "shrunk", "lost", ""), bar_rows(model, "texts", 0.1), bars=True)
    found = model["forgotten"]
    told = f"Forgotten: {found['lost']}; answered right by the shrunk model alone: {found['won']}."
    yield f"<h3>Knowledge</h3><p>{told}</p>"
    yield from render_examples("What it forgot", found["examples"])
