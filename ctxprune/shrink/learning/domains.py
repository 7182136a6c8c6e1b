"""Which domain each calibration row is of: as the batches say, or by clusters of mean word embeddings."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.learning.clustering import farthest_centres, k_means
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.pathways import Choosing, mean_states
from ctxprune.shrink.model.subject import config_value, module_of
from ctxprune.shrink.types import Batch, Sequence, Subject, Tensor


@dataclass(frozen=True)
class DomainSplit:
    """The domains of the calibration data.

    Attributes:
        labels: int64 (rows,): number of each row's domain.
        centres: (domains, width): mean of the rows' mean word embeddings.
        batches: Of each domain its rows, in batches.
    """

    labels: Tensor
    centres: Tensor
    batches: tuple[tuple[Batch, ...], ...]


def split_domains(subject: Subject, clusters: int, salt: int) -> DomainSplit:
    """The rows of each domain: by `sources` of the batches where all have it, by k-means where not.

    Args:
        subject: With calibration data.
        clusters: How many there are, where the batches do not say; fewer where rows are alike.
        salt: Of the random numbers.
    """
    calibration = subject.needed_calibration()
    table = module_of(subject.model, subject.anatomy.embeddings).weight.detach()
    means = torch.cat([mean_states(table[entry["input_ids"]], entry["attention_mask"].bool()) for entry in calibration])
    if all("sources" in batch for batch in calibration):
        labels = torch.cat([batch["sources"] for batch in calibration])
    else:
        labels = k_means(means, farthest_centres(means, min(clusters, len(means)), subject.generator(salt)))
    # numbered without gaps, whatever numbers the data or an empty cluster gave
    labels = labels.unique(return_inverse=True)[1]
    numbers = range(int(labels.max()) + 1)
    centres = torch.stack([means[labels == number].mean(0) for number in numbers])
    return DomainSplit(labels, centres, tuple(tuple(rows_where(calibration, labels == number)) for number in numbers))


def rows_where(batches: Sequence[Batch], chosen: Tensor) -> list[Batch]:
    """The chosen rows; of what is not by row (the pruner's units) nothing, as outputs alone are asked for."""
    found: list[Batch] = []
    place = 0
    for batch in batches:
        own = chosen[place : place + len(batch["input_ids"])]
        place += len(own)
        if bool(own.any()):
            found.append({name: entry[own] for name, entry in batch.items() if len(entry) == len(own)})
    return found


def add_chooser(subject: Subject, domains: DomainSplit) -> Choosing:
    """Put a `Choosing` in the place of the word embeddings, with the domains' centres; in place."""
    path = subject.anatomy.embeddings
    pad = config_value(subject.model, "pad_token_id")
    found = Choosing(module_of(subject.model, path), paths=len(domains.centres), pad=0 if pad is None else int(pad))
    found.centres.copy_(domains.centres)
    replace_module(subject.model, path, found.eval())
    return found
