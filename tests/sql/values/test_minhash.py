"""The bulk kernel against datasketch."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.values.minhash import BANDS, ROWS, SCHEME, Signer, band_keys, bigrams, bits_set

NUM_PERM = BANDS * ROWS


@pytest.fixture(scope="module")
def signer():
    return Signer.from_datasketch()


def reference(text):
    sketch = MinHash(num_perm=NUM_PERM, scheme=SCHEME)
    sketch.update_batch(bigrams(text))
    return sketch


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=25), max_size=12))
def test_signatures_equal_datasketch(signer, texts):
    signed = signer.sign(texts).signatures
    assert signed.shape == (len(texts), NUM_PERM)
    assert signed.dtype == np.uint32
    for text, row in zip(texts, signed, strict=True):
        assert (row == reference(text).hashvalues).all()


def test_a_batch_equals_its_parts(signer):
    texts = ["oslo", "", "new york city", "łódź", "東京", "\ud800"]
    parts = [signer.sign([text]) for text in texts]
    whole = signer.sign(texts)
    assert (whole.signatures == np.concatenate([part.signatures for part in parts])).all()
    assert (whole.sketches == np.concatenate([part.sketches for part in parts])).all()


def test_candidates_equal_datasketch_lsh(signer):
    texts = [f"{a} {b}" for a in ("oslo", "osla", "bergen", "bergan") for b in ("harbour", "harbor", "quay", "")]
    lsh = MinHashLSH(num_perm=NUM_PERM, params=(BANDS, ROWS))
    for number, text in enumerate(texts):
        lsh.insert(number, reference(text))
    keys = band_keys(signer.sign(texts).signatures, np.zeros(len(texts), np.int64))
    for asked in ("oslo harbor", "bergn quay", "narvik", "osl"):
        mine = band_keys(signer.sign([asked]).signatures, np.zeros(1, np.int64))
        assert set(np.flatnonzero((keys == mine).any(axis=0)).tolist()) == set(lsh.query(reference(asked)))


def test_no_text_is_an_empty_set(signer):
    assert bigrams("") == [b"^$"]
    assert (signer.sign([""]).signatures < np.uint32(2**32 - 1)).any()


def test_bits_are_counted_alike_by_any_numpy(monkeypatch):
    sketches = np.array([[0, 0], [1, 2**63], [2**64 - 1, 2**64 - 1], [0b1011, 0]], dtype=np.uint64)
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert bits_set(sketches).tolist() == [0, 2, 128, 3]
    monkeypatch.undo()
    assert bits_set(sketches).tolist() == [0, 2, 128, 3]


def test_long_and_many_texts_take_the_same_minima(signer):
    texts = [f"harbour {k} of the {'very ' * (k % 40)}long name" for k in range(700)]
    whole = signer.sign(texts).signatures
    assert (whole[::70] == np.concatenate([signer.sign([text]).signatures for text in texts[::70]])).all()
    assert (whole[333] == reference(texts[333]).hashvalues).all()


def test_band_keys_end_in_the_length(signer):
    signatures = signer.sign(["oslo"]).signatures
    short, long = (band_keys(signatures, np.array([length])) for length in (4, 900))
    assert (short & np.uint32(63) == 4).all()
    assert (long & np.uint32(63) == 63).all()
    assert (short >> np.uint32(6) == long >> np.uint32(6)).all()
