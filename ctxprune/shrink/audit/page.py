"""An audit as one page: a table of models, then what each of them lost, for rankers and for generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ctxprune.shrink.audit.questions import LEAST
from ctxprune.utils.markup import escape
from ctxprune.utils.page import render_bar, render_card, render_details, render_document, render_table


@dataclass(frozen=True, kw_only=True)
class Report:
    """All figures of an audit as plain data.

    Attributes:
        models: The full one first.
        seed: Of the intervals and of the retrieval texts.
        recovery: As `ctxprune.shrink.run.correlation` has it, where several recipes competed.
    """

    models: tuple[dict[str, Any], ...]
    seed: int
    recovery: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class AuditReport(Report):
    """Of ranking models, see `Report`.

    Attributes:
        questions: How many were asked.
        models: A dictionary each: `ndcg@10` (percent), `texts_a_second`, `sizes` (bytes, parameters, and multiply-adds
            as "flops") and `swaps`; of shrunk ones also the loss of nDCG@10 (points, with its interval), `flips`
            (share in percent), `slices`, `worst_slice`, `spread` and `exemplars`.
    """

    questions: int

    def to_html(self) -> str:
        """One page that needs nothing else."""
        full, *shrunk = self.models
        note = _note(
            f"{self.questions} questions; nDCG@10 in percent; intervals of 95 % by bootstrap over questions (seed"
            f" {self.seed}). Full model: {escape(full['name'])}. Multiply-adds: of the layers, for 128 tokens."
        )
        overview = _overview(self.models, ("ndcg@10", "nDCG@10"), ("texts_a_second", "texts/s"), worst=True)
        parts = (_model(full, model) for model in shrunk)
        return _document(self.models, (note, overview, *parts, render_recovery(self.recovery)))


@dataclass(frozen=True, kw_only=True)
class DecoderReport(Report):
    """Of generators, see `Report`.

    Attributes:
        texts: How many were read.
        models: A dictionary each: `perplexity` (of the model's own tokens), `tokens_a_second`, `sizes` (bytes,
            parameters, and multiply-adds as "flops"), `knowledge` and `retrieval` (percent right and by chance),
            `people` (change of the log-likelihood, nats) and `unkind` (probability, percent); of shrunk ones also the
            loss (nats a token, with its interval) and `slices`.
    """

    texts: int

    def to_html(self) -> str:
        """One page that needs nothing else."""
        full, *shrunk = self.models
        note = _note(
            f"{self.texts} texts; lost: nats a token, the mean over texts, with intervals of 95 % by bootstrap (seed"
            f" {self.seed}). Full model: {escape(full['name'])}. Multiply-adds: of the layers, for 128 tokens."
        )
        overview = _overview(self.models, ("perplexity", "perplexity"), ("tokens_a_second", "tokens/s"), worst=False)
        answers = (
            f"Knowledge: the model has to know the answer (by chance {full['knowledge']['chance']} %). Retrieval: the"
            f" text above says it (by chance {full['retrieval']['chance']} %). People: how far the likelihood of a"
            " sentence moves, in nats, when it is about a woman instead of a man, and which way it leans (above 0:"
            " towards the man). Unkind words: their probability after sentences that begin about people, the mean and"
            " the worst beginning. Small sets: read differences, not levels."
        )
        parts = (render_card(escape(model["name"]), "".join(_generator(model))) for model in shrunk)
        knowledge = render_card("Knowledge, retrieval and people", f"{_answers(self.models)}{_note(answers)}")
        shown = (note, overview, knowledge, *parts)
        return _document(self.models, (*shown, render_recovery(self.recovery)))


def _note(text: str) -> str:
    return f'<p class="soft">{text}</p>'


def _document(models: Sequence[Mapping[str, Any]], parts: Iterable[str]) -> str:
    """A page with the parts under a heading that names the shrunk models, all but the first."""
    names = " and ".join(model["name"] for model in models[1:])
    return render_document(f"Audit of {names}", "".join(parts), kind="Shrunk models compared with the full one")


def render_recovery(recovery: Mapping[str, Any] | None) -> str:
    """Quality before and after recovery of the trials that competed, with both correlations; "" where none did."""
    if recovery is None:
        return ""
    shown = {name: "-" if recovery[name] is None else f"{recovery[name]:.2f}" for name in ("kendall", "pearson")}
    rows = [[escape(name), f"{before:.4f}", f"{after:.4f}"] for name, before, after in recovery["trials"]]
    title = "Quality before and after recovery"
    return render_card(
        title,
        _note(
            f"Trials with as many steps each: Kendall's tau {shown['kendall']}, Pearson's r {shown['pearson']}. Near 1,"
            " the quality right after removal says which recipe will be best; near 0 it says nothing, and recipes have"
            " to be compared after recovery."
        )
        + _table(("recipe", "before", "after"), rows, title),
    )


def _overview(
    models: Sequence[Mapping[str, Any]], quality: tuple[str, str], speed: tuple[str, str], *, worst: bool
) -> str:
    """A row for each model; quality and speed are pairs of a key of the figures and the column's head."""
    full = models[0]
    rows = [
        [
            escape(model["name"]),
            f"{model[quality[0]]:,.2f}",
            _interval(model) if "lost" in model else "",
            f"{model[speed[0]]:,.0f}",
            f"{model[speed[0]] / full[speed[0]]:.1f} x" if model is not full else "",
            *(_size(model["sizes"].get(name), name) for name in ("bytes", "parameters", "flops")),
            *(["" if model is full else escape(_worst(model))] if worst else []),
        ]
        for model in models
    ]
    heads = ["model", quality[1], "lost", speed[1], "speed", "size", "parameters", "multiply-adds"]
    shown = _table([*heads, "worst slice"] if worst else heads, rows, "The models side by side")
    return render_card("The models side by side", shown)


def _model(full: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    parts = (*_slices(model, "questions", 1.0), *_flips(model), *_exemplars(model), *_spread(model))
    return render_card(escape(model["name"]), f"{''.join(parts)}{_swaps(full, model)}")


def _slices(model: Mapping[str, Any], counted: str, least: float) -> Iterable[str]:
    """Every slice with its loss; `counted` is the key of how many questions or texts a slice has."""
    if not model["slices"]:
        return
    yield "<h3>Where it loses (orange) and gains (blue), slice by slice</h3>"
    if any(entry[counted] < LEAST for entry in model["slices"].values()):
        yield _note(f"Pale: under {LEAST} {counted}, too few to be called the worst.")
    heads = ("slice", counted, "full", "shrunk", "lost", "beside the largest loss")
    yield _table(heads, _bar_rows(model, counted, least), f"Slices of {model['name']}", bars=True)


def _bar_rows(model: Mapping[str, Any], counted: str, least: float) -> list[list[object]]:
    """A row for each slice, the largest loss first, with a bar at its end, which a loss of `least` or more fills."""
    most = max(*(abs(entry["lost"]) for entry in model["slices"].values()), least)
    rows: list[list[object]] = []
    for name, entry in sorted(model["slices"].items(), key=lambda item: -item[1]["lost"]):
        worst = ' <span class="badge bad">worst</span>' if name == model["worst_slice"] else ""
        few = entry[counted] < LEAST
        kind = " ".join(["bad"] * (entry["lost"] > 0) + ["few"] * few)
        bar = render_bar(abs(entry["lost"]) / most, kind)
        shown = f"<small>{escape(name)}</small>" if few else f"{escape(name)}{worst}"
        quality = (f"{entry[side]:.2f}" for side in ("full", "shrunk"))
        rows.append([shown, entry[counted], *quality, _interval(entry), bar])
    return rows


def _worst(model: Mapping[str, Any]) -> str:
    """Its name, or why there is none."""
    large = any(entry["questions"] >= LEAST for entry in model["slices"].values())
    return str(model["worst_slice"]) or ("none" if large else "too few questions")


def _flips(model: Mapping[str, Any]) -> Iterable[str]:
    flips = model["flips"]
    yield (
        f"<h3>First text changed</h3><p>On {flips['share']} % of the questions another text stands first; right became"
        f" wrong: {flips['right_to_wrong']}, wrong became right: {flips['wrong_to_right']}.</p>"
    )
    yield from _examples("Questions that went wrong", flips["examples"])


def _exemplars(model: Mapping[str, Any]) -> Iterable[str]:
    found = model["exemplars"]
    if found["variants"] < 2:  # of one model they are its flips
        return
    often = ", ".join(f"{escape(name)} {value} x" for name, value in list(found["times_as_often"].items())[:3])
    yield (
        f"<h3>Compression identified exemplars</h3><p>On {found['share']} % of the questions the commonest first text"
        f" of {found['variants']} variants is not the full model's. Most over-represented: {often or 'nothing'}.</p>"
    )
    yield from _examples("The exemplars", found["examples"])


def _spread(model: Mapping[str, Any]) -> Iterable[str]:
    spread = model["spread"]
    if spread["deviation"] is not None:
        rows = [[escape(name), value] for name, value in spread["variants"].items()]
        yield (
            f"<h3>Other calibration sets and seeds</h3><p>Mean {spread['mean']}, standard deviation"
            f" {spread['deviation']}.</p>{_table(('variant', 'nDCG@10'), rows, 'Variants')}"
        )


def _swaps(full: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    if not model["swaps"]["questions"]:
        return "<h3>Gender and names swapped</h3><p>No question or text names any.</p>"
    rows = []
    for entry in (full, model):
        mean, largest, changed = (
            entry["swaps"][name] for name in ("mean_change", "largest_change", "first_text_changed")
        )
        rows.append([escape(entry["name"]), f"{mean:.3f}", f"{largest:.3f}", f"{changed} %"])
    heads = ("model", "mean change of a score", "largest", "first text changed")
    return (
        f"<h3>Gender and names swapped</h3><p class='soft'>{model['swaps']['questions']} questions; changes in standard"
        f" deviations of the model's scores.</p>{_table(heads, rows, 'Gender and names swapped')}"
    )


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
    return _table(
        ("model", "knowledge", "retrieval", "people", "leaning", "unkind words", "worst"),
        rows,
        "Knowledge, retrieval and people",
    )


def _generator(model: Mapping[str, Any]) -> Iterable[str]:
    yield from _slices(model, "texts", 0.1)
    found = model["forgotten"]
    told = f"Forgotten: {found['lost']}; answered right by the shrunk model alone: {found['won']}."
    yield f"<h3>Knowledge</h3><p>{told}</p>"
    yield from _examples("What it forgot", found["examples"])


def _examples(title: str, examples: Sequence[Mapping[str, str]]) -> Iterable[str]:
    """A list that opens: what was asked, the full model's answer, the shrunk one's; nothing where there are none."""
    if examples:
        rows = "".join(
            f"<li><b>{escape(entry['query'])}</b><br><small>full</small> {escape(entry['before'])}"
            f"<br><small>shrunk</small> {escape(entry['after'])}</li>"
            for entry in examples
        )
        yield render_details(f"{title} ({len(examples)} shown)", f'<ol class="examples">{rows}</ol>')


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], label: str, *, bars: bool = False) -> str:
    """A table of figures; with `bars` its last column holds bars."""
    kinds = ["", *["number"] * (len(heads) - 1)]
    if bars:
        kinds[-1] = "bars"
    return render_table(heads, rows, label=label, kinds=kinds)


def _interval(entry: Mapping[str, Any]) -> str:
    """The loss with its interval."""
    low, high = entry["lost_95"]
    return f"{entry['lost']:.2f} <small>({low:.2f} to {high:.2f})</small>"


def _size(value: float | None, name: str) -> str:
    """Megabytes, or millions and billions; "" where it is not known."""
    if value is None:
        return ""
    if name == "bytes":
        return f"{value / 1e6:.1f} MB"
    return f"{value / 1e9:.2f} G" if value >= 1e9 else f"{value / 1e6:.1f} M"
