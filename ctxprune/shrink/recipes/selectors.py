"""The papers on choosing training data, by selector: options of recovery and of `ctxprune train select`.

Nothing here imports torch, so that they can be shown without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ctxprune.shrink.recipes.recipe import Piece

__all__ = ["OTHER_PAPERS", "SELECTOR_PAPERS", "SelectorPaper", "selector_piece"]

_VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "el2n-easy": ("el2n.v1", {"easy": True}),
    "perplexity-high": ("perplexity.v1", {"part": "high"}),
    "perplexity-low": ("perplexity.v1", {"part": "low"}),
}


@dataclass(frozen=True, slots=True)
class SelectorPaper:
    """What a selector keeps and where it comes from.

    Attributes:
        keeps: The lines or rows that stay.
        needs: Beside the data.
        title, source: Of the paper.
        differs: From the paper, in a sentence; "" where nothing does.
    """

    keeps: str
    needs: str
    title: str
    source: str
    differs: str = ""

    def to_dict(self) -> dict[str, str]:
        """As plain values."""
        return asdict(self)


SELECTOR_PAPERS: Mapping[str, SelectorPaper] = {
    "domains.v1": SelectorPaper(
        "by source: more of the sources on which the model lost most",
        "a source in each line; a full model",
        "Sheared LLaMA: Accelerating Language Model Pre-training via Structured Pruning (dynamic batch loading)",
        "Xia and others, ICLR 2024, arXiv 2310.06694",
        "Rows of a source are not repeated; losses are those of the data that is chosen from.",
    ),
    "el2n.v1": SelectorPaper(
        "what the model errs on most (el2n-easy: least); ROUNDS choose anew while it learns",
        "a model; labels, or a full model",
        "NLU on Data Diets: Dynamic Data Subset Selection for NLP Classification Tasks",
        "Attendu and Corbeil, SustaiNLP 2023, arXiv 2306.03208",
        "The error of one model, not the mean over several initialisations.",
    ),
    "frequency.v1": SelectorPaper(
        "texts of rare words",
        "nothing",
        "Enhancing Vision-Language Model Pre-training with Image-text Pair Pruning Based on Word Frequency",
        "Liang and Larson, arXiv 2410.10879",
        "Texts in place of images with captions; the best are kept, not drawn.",
    ),
    "paser.v1": SelectorPaper(
        "by cluster: what the smaller model lost most; contradicting rows are left out",
        "a full model",
        "PASER: Post-Training Data Selection for Efficient Pruned Large Language Model Recovery",
        "He and others, arXiv 2502.12594",
        "k-means on the full model's states; the task's divergence; a row's rarest tokens are its concepts.",
    ),
    "perplexity.v1": SelectorPaper(
        "the middle by a reference model's perplexity; perplexity-low and perplexity-high",
        "a model",
        "When Less is More: Investigating Data Pruning for Pretraining LLMs at Scale",
        "Marion and others, arXiv 2309.04564; Ankner and others, Perplexed by Perplexity, arXiv 2405.20541",
        "Of rankers the cross entropy of a row; memorisation is not among the scores.",
    ),
    "random.v1": SelectorPaper(
        "a random share, the baseline of all others",
        "nothing",
        "Distilling the Knowledge in Data Pruning",
        "Ben-Baruch and others, arXiv 2403.07854",
        "Followed is the unpruned model; the weight of labels beside it is `labels` of tune.v1.",
    ),
    "selectivity.v1": SelectorPaper(
        "the clusters that data of the target task falls into",
        "a model; related data",
        "Selectivity Drives Productivity: Efficient Dataset Pruning for Enhanced Transfer Learning",
        "Zhang and others, NeurIPS 2023, arXiv 2310.08782",
        "Feature mapping alone; groups are ranked, so that any share can be asked for.",
    ),
}
OTHER_PAPERS: Mapping[str, SelectorPaper] = {
    "SHARE up to 0.3": SelectorPaper(
        "`explore` of on_subset.v1 draws a part of the share at random; compare with random",
        "nothing",
        "Data Pruning and Neural Scaling Laws: Fundamental Limitations of Score-Based Algorithms",
        "Ayed and Hayou, TMLR 2023, arXiv 2302.06960",
        "All rows weigh the same in the loss.",
    ),
    "--stop-early": SelectorPaper(
        "stops recovery where the law predicts hardly any gain",
        "two batches",
        "P^2 Law: Scaling Law for Post-Training After Model Pruning",
        "Chen and others, ACL 2025, arXiv 2411.10272",
        "The law is fitted to three small budgets of the one model.",
    ),
}
"""Options of recovery that are no selectors."""


def selector_piece(name: str) -> Piece:
    """The selector that a name stands for, with or without its version: a piece, which need not be registered."""
    if name in _VARIANTS:
        stem, parameters = _VARIANTS[name]
        return Piece(stem, parameters)
    return Piece(name if name.endswith(".v1") else f"{name}.v1")
