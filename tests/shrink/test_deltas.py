"""Packed deltas give back the same model, and are small."""

from __future__ import annotations

import resource

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import FormatError, InputError  # noqa: E402
from ctxprune.shrink.io.deltas import pack, unpack  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_deltas_come_back_as_they_were(tmp_path, make):
    subject = make()
    whole = pack(subject.model, subject.base, tmp_path / "whole")
    few = shrink(subject, load_recipe("dare.v1"), Target("deltas", 0.1)).subject.model
    assert pack(few, subject.base, tmp_path / "few") < 0.6 * whole
    found = unpack(tmp_path / "few", subject.base)
    assert all(torch.equal(entry, few.state_dict()[name]) for name, entry in found.state_dict().items())
    with pytest.raises(InputError, match="another base"):
        unpack(tmp_path / "few", subject.model)


def test_what_is_no_file_of_deltas_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    subject = models.encoder()
    (tmp_path / "text").write_text("no")
    with pytest.raises(FormatError, match="no safetensors"):
        unpack(tmp_path / "text", subject.base)
    with pytest.raises(InputError, match="cannot be read"):
        unpack(tmp_path / "absent", subject.base)
    save_file({"a": torch.zeros(2)}, tmp_path / "plain")
    with pytest.raises(FormatError, match="no deltas"):
        unpack(tmp_path / "plain", subject.base)
    with pytest.raises(InputError, match="other shapes"):
        pack(subject.model, models.llama(), tmp_path / "other")
    pack(subject.model, subject.base, tmp_path / "whole")
    entries = load_file(tmp_path / "whole")
    from safetensors import safe_open

    with safe_open(tmp_path / "whole", framework="pt") as file:
        note = file.metadata()
    save_file(entries | {"more": torch.zeros(2)}, tmp_path / "more", metadata=note)
    with pytest.raises(FormatError, match="differ from their checksums") as caught:
        unpack(tmp_path / "more", subject.base)
    assert caught.value.hint
    note.pop("checks")  # as in files of earlier releases
    name = next(name for name in entries if name.endswith(".packed_values"))
    save_file(entries | {name: entries[name][1:].clone()}, tmp_path / "short", metadata=note)
    with pytest.raises(FormatError, match="do not agree"):
        unpack(tmp_path / "short", subject.base)
    save_file(entries | {"more": torch.zeros(2)}, tmp_path / "more", metadata=note)
    with pytest.raises(FormatError, match="no such weights"):
        unpack(tmp_path / "more", subject.base)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    subject = models.encoder()
    pack(subject.model, subject.base, tmp_path / "deltas")
    before = (tmp_path / "deltas").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            pack(subject.model, models.without_effect(models.encoder(), 1).model, tmp_path / "deltas")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "deltas").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["deltas"]
