"""The bi-encoder's task: what stands alone in a batch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.embedding import Embedding  # noqa: E402
from ctxprune.shrink.score.taylor import Taylor  # noqa: E402


def batches():
    found = models.batches(2, labels=True)
    for batch in found:
        batch["labels"] = torch.tensor([-1.0, 1.0, 0.0, 0.0] * 2)
    return found


def test_a_question_stands_with_its_passages():
    task, (given, _) = Embedding(), batches()
    parts = list(task.examples(given))
    assert [len(part["input_ids"]) for part in parts] == [4, 4]
    model = models.bert_model()
    with torch.no_grad():
        losses = [float(task.loss(model, part)) for part in parts]
        assert sum(losses) / 2 == pytest.approx(float(task.loss(model, given)), rel=1e-4)
    bare = {name: value for name, value in given.items() if name != "groups"}
    assert list(task.examples(bare)) == [bare]


def test_taylor_scores_of_an_embedder():
    subject = Subject(models.bert_model(), Embedding(), batches())
    found = Taylor(samples=3)(subject, subject.groups(["head", "neuron"]))
    assert all(bool(entry.any()) for entry in found.values())
