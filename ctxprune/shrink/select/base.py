"""What selectors share: figures of rows, the best share, batches of chosen rows."""

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import module_outputs
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.model.tasks.language_model import LanguageModel
from ctxprune.shrink.types import Batch, Callable, Sequence, Subject, Tensor, nn
from ctxprune.utils.validation import check_range


def needed_related(subject: Subject, where: str) -> Sequence[Batch]:
    """The related data, which rows are compared with.

    Raises:
        UsageError: There is none; `where` is the selector's name.
    """
    if not subject.related:
        hint = "give --related (importance in `train select`: --reference)"
        raise UsageError("there is no data of the target task", where=where, hint=hint)
    return subject.related


def by_row(subject: Subject, see: Callable[[Batch, Tensor], Tensor], model: nn.Module | None = None) -> Tensor:
    """What `see` makes of each batch and the model's output for it, (rows,) each, over all batches: float64 (rows,).

    Raises:
        UsageError: The task's output is not one of single rows that stand for themselves.
    """
    # of an embedder or a pruner a row alone has no loss
    if not isinstance(subject.task, (CrossEncoder, LanguageModel)):
        raise UsageError(
            f"rows of the task {type(subject.task).__name__} cannot be judged one by one",
            hint="take a selector that needs no outputs: random, frequency",
        )
    found = []
    with torch.no_grad():
        for batch in subject.needed_calibration():
            found += [see(batch, subject.task.output(model or subject.model, batch)).double()]
    return torch.cat(found)


def row_losses(subject: Subject, model: nn.Module | None = None) -> Tensor:
    """Each row's cross entropy: next-token (mean over tokens) or against the labels, in nats: float64 (rows,).

    Without labels the teacher's probabilities stand in for a ranker's.

    Raises:
        UsageError: A ranker's rows have no labels, and there is no teacher.
    """

    def see(batch: Batch, output: Tensor) -> Tensor:
        if output.ndim == 3:
            wanted = batch["input_ids"][:, 1:]
            real = batch["attention_mask"][:, 1:].to(output.dtype)
            each = functional.cross_entropy(output[:, :-1].transpose(1, 2).float(), wanted, reduction="none")
            return (each * real).sum(1) / real.sum(1).clamp(min=1)
        wanted = row_targets(subject, batch, output)
        if output.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(output[:, 0], wanted[:, 0], reduction="none")
        return functional.cross_entropy(output, wanted, reduction="none")

    return by_row(subject, see, model)


def row_targets(subject: Subject, batch: Batch, output: Tensor) -> Tensor:
    """The probabilities that a ranker's output should have: labels, or else the teacher's: (rows, 1) or (rows, labels).

    Raises:
        UsageError: There are neither.
    """
    single = output.shape[1] == 1
    if "labels" in batch:
        labels = batch["labels"]
        return labels.float()[:, None] if single else functional.one_hot(labels.long(), output.shape[1]).float()
    if subject.teacher is None:
        raise UsageError("there are neither labels nor a teacher", hint="take a selector that needs none: random")
    found = subject.task.output(subject.teacher, batch)
    return found.sigmoid() if single else found.softmax(-1)


def row_divergences(subject: Subject) -> Tensor:
    """How far the model's output of each row is from the teacher's, by the task's divergence: float64 (rows,).

    Raises:
        UsageError: There is no teacher.
    """
    teacher = subject.teacher
    if teacher is None:
        raise UsageError("this selector compares with a teacher", hint="give the subject one")

    def see(batch: Batch, output: Tensor) -> Tensor:
        wanted = subject.task.output(teacher, batch)
        rows = [{name: value[place : place + 1] for name, value in batch.items()} for place in range(len(output))]
        each = [
            subject.task.divergence(output[place : place + 1], wanted[place : place + 1], row)
            for place, row in enumerate(rows)
        ]
        return torch.stack(each)

    return by_row(subject, see)


def group_numbers(subject: Subject) -> Tensor:
    """Which group each row is of, counted from 0: int64 (rows,); a group of its own where batches have no groups.

    Raises:
        UsageError: A batch holds more than one thing for each row, and rows cannot go one by one.
    """
    found, start = [], 0
    for batch in subject.needed_calibration():
        rows = len(batch["input_ids"])
        odd = [name for name, value in batch.items() if len(value) != rows]
        if odd:
            raise UsageError(f"rows of these batches cannot go one by one ({odd[0]} is not by row)", where="selection")
        own = batch["groups"].unique(return_inverse=True)[1] if "groups" in batch else torch.arange(rows)
        found.append(own + start)
        start += int(own.max()) + 1
    return torch.cat(found)


def group_means(values: Tensor, groups: Tensor) -> Tensor:
    """Mean of each group's rows: float64 (groups, ...) of values (rows, ...) and group numbers (rows,) without gaps."""
    sums = torch.zeros(int(groups.max()) + 1, *values.shape[1:], dtype=torch.float64)
    sizes = groups.bincount().view(-1, *[1] * (values.ndim - 1))
    return sums.index_add_(0, groups, values.double()) / sizes


def best_share(subject: Subject, scores: Tensor, share: float) -> Tensor:
    """The groups of the highest mean scores, until `share` of the rows are chosen: bool (rows,).

    Raises:
        UsageError: The share is not above 0 and up to 1.
    """
    check_range("share", share, open_low=True)
    groups = group_numbers(subject)
    sizes = torch.bincount(groups)
    order = group_means(scores, groups).argsort(descending=True, stable=True)
    # the group that crosses the share is taken whole, so that one at least is chosen
    enough = sizes[order].cumsum(0) - sizes[order] < share * len(groups) - 1e-9
    return torch.isin(groups, order[enough])


def rebatch(batches: Sequence[Batch], kept: Tensor) -> list[Batch]:
    """Batches of the chosen rows alone, as large as the largest was, padded anew; groups of one batch stay apart."""
    most = max(len(batch["input_ids"]) for batch in batches)
    padding = [batch["input_ids"][batch["attention_mask"] == 0] for batch in batches]
    # batches do not name the padding id; where any is padded it shows
    pad = next((int(ids[0]) for ids in padding if len(ids)), 0)
    made: list[list[dict[str, Tensor]]] = []
    start = 0
    for batch in batches:
        chosen = kept[start : start + len(batch["input_ids"])]
        start += len(chosen)
        part = {name: value[chosen] for name, value in batch.items()}
        count = int(chosen.sum())
        if count and made and sum(len(entry["input_ids"]) for entry in made[-1]) + count <= most:
            made[-1].append(part)
        elif count:
            made.append([part])
    return [_join(parts, pad) for parts in made]


def _join(parts: Sequence[dict[str, Tensor]], pad: int) -> Batch:
    longest = max(int(part["attention_mask"].sum(1).max()) for part in parts)
    if "groups" in parts[0]:
        start = 0
        for part in parts:
            part["groups"] = part["groups"].unique(return_inverse=True)[1] + start
            start = int(part["groups"].max()) + 1
    return {
        name: torch.cat([_fit_length(part[name], longest, pad if name == "input_ids" else 0) for part in parts])
        for name in parts[0]
    }


def _fit_length(value: Tensor, tokens: int, pad: int) -> Tensor:
    """Cut or padded to so many tokens, where there is an axis of tokens."""
    if value.ndim < 2:
        return value
    return functional.pad(value[:, :tokens], (0, max(tokens - value.shape[1], 0)), value=pad)


def representations(subject: Subject, model: nn.Module) -> Tensor:
    """Each row's mean state after a model's last layer, of length 1: float32 (rows, width)."""
    last = subject.with_model(model).anatomy.layers[-1].path
    lengths = torch.cat([batch["attention_mask"].sum(1) for batch in subject.needed_calibration()])
    parts = module_outputs(subject, last, model=model).split(lengths.tolist())
    return torch.stack([functional.normalize(part.float().mean(0), dim=0) for part in parts])
