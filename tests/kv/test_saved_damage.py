"""Saved caches with one bit flipped: said when they are loaded, never read."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import tokens  # noqa: E402

from ctxprune.errors import FormatError  # noqa: E402
from ctxprune.kv import AdaKV, Kivi, PrunedCache, SnapKV, compress  # noqa: E402

CONTEXT = tokens(60)


@pytest.mark.parametrize("storage", [None, Kivi(bits=4, group=16, residual=4)])
def test_a_flipped_bit_is_a_format_error(decoders, tmp_path, storage):
    model, path = decoders("llama"), tmp_path / "cache.safetensors"
    compress(model, CONTEXT, AdaKV(SnapKV(0.4, window=8)), storage=storage).save(path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    rng = random.Random(3)
    data = rng.sample(range(header, len(whole)), 25)
    # The words of checksums themselves, whose damage must not pass for a file that has none.
    named = [whole.index(word) for word in (b"checks", b"crc32", b"ctxprune", b"__metadata__")]
    places = [*data, *rng.sample(range(header), 25), *named, header, len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(FormatError):
            PrunedCache.load(path, model)
    path.write_bytes(whole)
    assert PrunedCache.load(path, model).nbytes


def test_numbers_exchanged_between_layers_are_found(decoders, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    model, path = decoders("llama"), tmp_path / "cache.safetensors"
    compress(model, CONTEXT, SnapKV(0.4, window=8)).save(path)
    with safe_open(path, "pt") as file:
        about = file.metadata()
    held = load_file(path)
    held["0.keys.flat"], held["1.keys.flat"] = held["1.keys.flat"], held["0.keys.flat"]
    save_file(held, path, about)
    with pytest.raises(FormatError, match="differ from their checksums"):
        PrunedCache.load(path, model)
