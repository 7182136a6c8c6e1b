"""Parameter sharing: what shares a number, how it is trained, and what a folder takes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import FormatError  # noqa: E402
from ctxprune.shrink.compensate.hashed import Hashed  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.manifest import MANIFEST  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.cost import cost, matrices  # noqa: E402
from ctxprune.shrink.model.modules import HashedLinear  # noqa: E402
from ctxprune.shrink.recover.tune import Tune  # noqa: E402


def shared(subject, share: float = 0.3, **settings):
    subject = subject.copy()
    kept = {}
    for name in matrices(subject.model):
        entry = subject.model.get_parameter(name)
        kept[name] = torch.arange(entry.numel()).view(entry.shape) < share * entry.numel()
    Hashed(**settings)(subject, kept)
    return subject


@pytest.mark.parametrize(
    ("rows", "columns", "chunk", "stored"), [(6, 5, 4, 7), (4, 8, 3, 32), (3, 3, 9, 1), (8, 4, 1, 5)]
)
def test_every_number_is_the_mean_of_what_it_stands_for(rows: int, columns: int, chunk: int, stored: int):
    torch.manual_seed(0)
    module = HashedLinear(torch.nn.Linear(columns, rows), chunk=chunk, stored=stored, seed=3)
    before = module.weight.detach().flatten().tolist()
    module.share(module.layout())
    # slow reference from the formula: chunk c lies at place h(c) * Z mod m with the sign g(c)
    generator = np.random.RandomState(3)
    chunks = -(-len(before) // chunk)
    order, signs = generator.permutation(chunks), generator.randint(0, 2, chunks) * 2 - 1
    places = [(int(order[at // chunk]) * chunk % stored + at % chunk) % stored for at in range(len(before))]
    numbers = []
    for place in range(stored):
        own = [before[at] * signs[at // chunk] for at in range(len(before)) if places[at] == place]
        numbers.append(sum(own) / max(len(own), 1))
    wanted = [numbers[places[at]] * signs[at // chunk] for at in range(len(before))]
    assert module.weight.flatten().tolist() == pytest.approx(wanted, abs=1e-6)
    assert module.values().tolist() == pytest.approx(numbers, abs=1e-6)
    uses = [places.count(place) for place in range(stored)]
    assert max(uses) - min(uses) <= chunk  # even but for the last chunk, which may be cut short


def test_weights_that_share_a_number_share_it_after_training():
    subject = shared(models.encoder(), steps=1)
    Tune(steps=1)(subject)  # any training keeps them
    for name in matrices(subject.model):
        module = subject.model.get_submodule(name.removesuffix(".weight"))
        assert module.values() is not None
    again = shared(models.encoder(), steps=1)
    Tune(steps=1)(again)
    assert all(
        torch.equal(one, other) for one, other in zip(subject.model.parameters(), again.model.parameters(), strict=True)
    )
    assert cost(subject.model, "values") <= sum(
        module.stored for module in subject.model.modules() if isinstance(module, HashedLinear)
    )


@pytest.mark.parametrize("kind", ["reranker", "decoder"])
def test_a_folder_holds_each_number_once(kind: str, tmp_path: Path):
    loaded = load_model(getattr(folders, kind)(tmp_path / "big"))
    subject = models.encoder() if kind == "reranker" else models.decoder()
    small = loaded.with_model(shared(dataclasses.replace(subject, model=loaded.model), steps=0).model)
    save_model(loaded, tmp_path / "whole")
    save_model(small, tmp_path / "s")
    sizes = [load_model(tmp_path / name).file_bytes() for name in ("whole", "s")]
    spared = 0.7 * 4 * sum(loaded.model.get_parameter(name).numel() for name in matrices(loaded.model))
    assert sizes[0] - sizes[1] == pytest.approx(spared, rel=0.02)
    found = load_model(tmp_path / "s")
    batch = models.batches(1, rows=4)[0]
    with torch.no_grad():
        assert torch.equal(found.model(**batch)[0], small.model(**batch)[0])
    save_model(found, tmp_path / "again")
    assert load_model(tmp_path / "again").file_bytes() == sizes[1]


def test_weights_that_were_changed_afterwards_are_stored_whole(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    small = shared(dataclasses.replace(models.encoder(), model=loaded.model), steps=0).model
    module = next(module for module in small.modules() if isinstance(module, HashedLinear))
    with torch.no_grad():
        module.weight[0, 0] += 1
    place = save_model(loaded.with_model(small), tmp_path / "small")
    found = next(module for module in load_model(place).model.modules() if isinstance(module, HashedLinear))
    assert torch.equal(found.weight, module.weight)


@pytest.mark.parametrize("settings", [{"stored": 0}, {"chunk": 10**12}, {"stored": 7}])
def test_a_layout_that_does_not_fit_raises(settings: dict, tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    small = shared(dataclasses.replace(models.encoder(), model=loaded.model), steps=0).model
    place = save_model(loaded.with_model(small), tmp_path / "small")
    manifest = json.loads((place / MANIFEST).read_text("utf-8"))
    del manifest["crc32"]
    manifest["parts"][0][2] |= settings
    (place / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(FormatError, match="numbers"):
        load_model(place)
