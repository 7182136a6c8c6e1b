"""Models in folders as what an audit can ask: rerankers, embedders, pruners that onnxruntime runs, and decoders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit
from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.models.pruner import place_of
from ctxprune.shrink.audit.audit import AuditedModel, Scorer
from ctxprune.shrink.audit.decoders import AuditedDecoder, Likelihoods
from ctxprune.shrink.audit.questions import Question
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from ctxprune.shrink.io.loaded import Loaded
    from ctxprune.shrink.types import nn

__all__ = ["score_texts"]

_ROWS = 16
_LOGITS = 1 << 25  # numbers of one batch: 128 MB, whatever the vocabulary


def load_audited(
    folder: str | Path,
    *,
    variants: Sequence[str | Path] = (),
    tokens: int = 256,
    device: str = "cpu",
    name: str | None = None,
) -> AuditedModel:
    """A model folder for an audit.

    Args:
        folder: Of a reranker, of an embedder, or of a pruner (`manifest.json` beside `model.onnx`); or the name of the
            bundled pruner, as `ctxprune models` shows it.
        variants: Folders of the same method with other calibration data or seeds.
        tokens: Of question and passage together at most.
        device: That the model runs on, as torch names it; a pruner's runs on the CPU alone.
        name: As it is shown; default: the folder.

    Raises:
        UsageError: A pruner is asked for another device.
        InputError: A folder holds none of these.
        FormatError: A file is damaged.
        MissingExtraError: A package that the model needs is not installed.
    """
    score, sizes = _load_scorer(folder, tokens, device)
    others = {str(variant): _load_scorer(variant, tokens, device)[0] for variant in variants}
    return AuditedModel(name or str(folder), score, sizes, others)


def _load_scorer(folder: str | Path, tokens: int, device: str) -> tuple[Scorer, dict[str, float]]:
    place = place_of(folder)
    if _is_pruner(place):
        if device != "cpu":
            raise UsageError("a pruner's graph runs on the CPU", where=str(folder), hint="leave --device out")
        return _pruner(place)
    loaded = _load_model(place)
    if loaded.kind == "decoder":
        raise InputError("a decoder ranks nothing", where=str(folder), hint="compare it with decoders, on texts")
    sizes = _sizes(loaded.model)
    loaded.model.to(device)
    return scorer_of(loaded, min(tokens, loaded.form.limit)), sizes


def _is_pruner(place: Path) -> bool:
    return (place / "model.onnx").is_file() and (place / "manifest.json").is_file()


def _load_model(folder: str | Path) -> Loaded:
    """As `load_model`, whose module imports both of these at once."""
    for package in ("torch", "transformers"):
        require(package, "train")
    from ctxprune.shrink.io.loading import load_model

    return load_model(folder)


def _sizes(model: nn.Module, measures: Sequence[str] = ("bytes", "parameters", "flops")) -> dict[str, float]:
    from ctxprune.shrink.model.cost import cost

    return {measure: cost(model, measure) for measure in measures}


def load_decoder(folder: str | Path, *, tokens: int = 256, name: str | None = None) -> AuditedDecoder | None:
    """A decoder's folder for an audit, as `load_model` reads it; None where it holds a model of another kind.

    Texts are cut after so many tokens; the name is as it is shown, by default the folder's.

    Raises:
        InputError: There is no such folder, a file is missing, or the model is of a kind that is not known here.
        FormatError: A file is damaged.
        MissingExtraError: A package that the model needs is not installed; a pruner needs none.
    """
    if _is_pruner(place_of(folder)):
        return None
    loaded = _load_model(folder)
    if loaded.kind != "decoder":
        return None
    likelihoods = likelihoods_of(loaded, min(tokens, loaded.form.limit))
    return AuditedDecoder(name or str(folder), likelihoods, _sizes(loaded.model))


def likelihoods_of(loaded: Loaded, tokens: int) -> Likelihoods:
    """What `AuditedDecoder.likelihoods` asks for, of a decoder, for rows of so many tokens at most.

    A continuation begins where its tokens and those of the beginning alone first differ: some tokenizers join letters
    over the border.
    """
    import torch

    from ctxprune.shrink.data.batches import pad_batch

    def measure(pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        rows = loaded.form.texts([beginning + text for beginning, text in pairs], tokens)
        begun = loaded.form.texts([beginning for beginning, _ in pairs], tokens)
        # nothing stands before the first token of a row that could predict it
        starts = [max(_count_shared(row.ids, other.ids), 1) for row, other in zip(rows, begun, strict=True)]
        found: list[tuple[float, int]] = [(0.0, 0)] * len(rows)
        order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
        while order:
            longest = len(rows[order[-1]].ids)
            count = min(max(_LOGITS // (longest * loaded.form.tokenizer.get_vocab_size()), 1), _ROWS, len(order))
            chosen, order = order[-count:], order[:-count]
            batch = pad_batch([rows[place] for place in chosen], loaded.form)
            with torch.no_grad():
                logs = torch.log_softmax(loaded.task.output(loaded.model, batch)[:, :-1].float(), dim=-1)
            told = logs.gather(2, batch["input_ids"][:, 1:, None])[..., 0].double()
            for row, place in enumerate(chosen):
                first, end = starts[place] - 1, len(rows[place].ids) - 1
                found[place] = float(told[row, first:end].sum()), max(end - first, 0)
        return found

    return measure


def _count_shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def scorer_of(loaded: Loaded, tokens: int) -> Scorer:
    """The scorer of a reranker (its last logit) or an embedder (the cosine) for a question's passages.

    Args:
        loaded: One of the two.
        tokens: Of a row at most, 8 up to the model's limit.
    """
    import torch

    from ctxprune.shrink.data.batches import pad_batch

    apart = loaded.kind == "embedder"

    def score(question: Question) -> list[float]:
        if apart:
            rows = loaded.form.texts([question.query, *question.texts], tokens)
        else:
            rows = loaded.form.pairs([(question.query, text) for text in question.texts], tokens)
        device, outputs = next(loaded.model.parameters()).device, []
        with torch.no_grad():
            for at in range(0, len(rows), _ROWS):
                batch = pad_batch(rows[at : at + _ROWS], loaded.form)
                moved = {name: value.to(device) for name, value in batch.items()}
                outputs.append(loaded.task.output(loaded.model, moved))
            found = torch.cat(outputs)
            scores: list[float] = (found[1:] @ found[0] if apart else found[:, -1]).tolist()
        return scores

    return score


def score_texts(loaded: Loaded, query: str, texts: Sequence[str], *, tokens: int = 512) -> list[float]:
    """A score for each text, higher = more relevant: a reranker's last logit, of any range, or an embedder's cosine.

    Scores are those of evaluation mode, in whatever mode the model is; its mode is as before afterwards.

    Args:
        loaded: A reranker or an embedder, as `ctxprune.shrink.load_model` reads it.
        query: The question.
        texts: Passages; none give no scores.
        tokens: Of a question with its passage at most, from 8 up; the model's limit if that is less.

    Raises:
        UsageError: The model is of another kind, `texts` is a single string, or `tokens` is too small.
    """
    if loaded.kind not in ("embedder", "reranker"):
        raise UsageError(f"a {loaded.kind} gives texts no scores", hint="load a reranker or an embedding model")
    # a string is a sequence of its letters, each of which would get a score
    if isinstance(texts, str):
        raise UsageError("texts is a single string", where="texts", hint="give a list of passages")
    if not texts:
        return []
    question = Question(query, tuple(texts), (0.0,) * len(texts))
    # one flag a module: a model may hold some parts in training mode only
    training = [module for module in loaded.model.modules() if module.training]
    loaded.model.eval()
    try:
        return list(scorer_of(loaded, min(tokens, loaded.form.limit))(question))
    finally:
        for module in training:
            module.training = True


def _pruner(folder: Path) -> tuple[Scorer, dict[str, float]]:
    from ctxprune.models.pruner import load_pruner
    from ctxprune.scorers.neural.pruner import PrunerScorer

    scorer = PrunerScorer(model=str(folder))
    load_pruner(scorer.model)  # now, not in the time of the first question

    def score(question: Question) -> list[float]:
        found: list[float] = scorer.score(question.query, _Texts(question)).tolist()
        return found

    return score, {"bytes": float((folder / "model.onnx").stat().st_size)} | _network_sizes(folder)


def _network_sizes(folder: Path) -> dict[str, float]:
    """Parameters and multiply-adds of a pruner of `ctxprune train`; {} of others, and without the train extra."""
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("onnx") is None:
        return {}
    from ctxprune.train.graph_reader import read_network

    try:
        return _sizes(read_network(folder), ("parameters", "flops"))
    except FormatError:
        return {}


class _Texts(Context[list[str]]):
    """Each text is a unit of its document; all of one where none is named."""

    units: tuple[Unit, ...]
    sources: Sequence[int]
    titles: Sequence[str]

    def __init__(self, question: Question) -> None:
        self.units = tuple(map(Unit, question.texts))
        self.sources = question.sources or (0,) * len(self.units)
        self.titles = question.titles

    def render(self, kept: Collection[int]) -> list[str]:
        return [self.units[index].text for index in sorted(kept)]
