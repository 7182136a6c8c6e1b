"""What every `ValueStore` must do. Subclass `StoreConformance`, say in `store` how yours is filled, and run it.

class TestMyStore(StoreConformance):
    @pytest.fixture
    def store(self, part, column_starts):
        return MyStore.filled_from(part, column_starts)
"""

from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ctxprune.sql.values.index import ValueIndex
from ctxprune.sql.values.index_arrays import ValueBatch, map_batch
from ctxprune.sql.values.keys import acronym_key, part_key, prefix_key, stem_key, symbol_key
from ctxprune.sql.values.minhash import LENGTHS, Signer, band_keys

TOWNS = sorted(
    ["", "+", "Łódź", "São Paulo", "Springfield", "東京", "a\0b", "New York City", "12345"]
    + [f"{a}{b}ville" for a in string.ascii_uppercase for b in ("ing", "ort", "ester")]
)
CODES = [f"AB-{k:05d}" for k in range(40)]


class StoreConformance:
    """Tests of one store over an index of two columns; the first holds `TOWNS`, the second `CODES`."""

    @pytest.fixture
    def signer(self):
        """The signer of the index."""
        return Signer.from_datasketch()

    @pytest.fixture
    def part(self, signer):
        """The arrays of the index."""
        fuzzy = np.arange(len(TOWNS) + len(CODES)) < len(TOWNS)
        return map_batch(ValueBatch([*TOWNS, *CODES], fuzzy), signer)

    @pytest.fixture
    def column_starts(self):
        """The first row of each column, then the number of rows."""
        return np.array([0, len(TOWNS), len(TOWNS) + len(CODES)])

    @pytest.fixture
    def store(self, part, column_starts):
        """The store under test, holding the same."""
        raise NotImplementedError

    def test_values_are_given_back_in_the_order_asked(self, store):
        rows = np.array([len(TOWNS) + 3, 0, TOWNS.index("Łódź"), 0, TOWNS.index("a\0b")], dtype=np.uint32)
        assert store.values(rows) == [(1, CODES[3]), (0, ""), (0, "Łódź"), (0, ""), (0, "a\0b")]
        assert store.values(np.empty(0, dtype=np.uint32)) == []

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            (stem_key(["springfield"]), "Springfield"),
            (stem_key(["sao", "paulo"]), "São Paulo"),
            (prefix_key(["new", "york", "city"]), "New York City"),
            (acronym_key("nyc"), "New York City"),
            (part_key("paulo"), "São Paulo"),
            (symbol_key("+"), "+"),
        ],
    )
    def test_a_value_is_found_under_its_keys(self, store, key, value):
        (rows,) = store.find(np.array([key], dtype=np.uint32))
        assert (0, value) in store.values(rows)

    def test_keys_are_answered_one_by_one_with_rising_rows(self, store):
        asked = np.array([stem_key(["nowhere"]), part_key("ab"), stem_key(["springfield"])], dtype=np.uint32)
        none, codes, one = store.find(asked)
        assert len(none) == 0
        assert codes.tolist() == [len(TOWNS) + k for k in range(len(CODES))]
        assert one.tolist() == [TOWNS.index("Springfield")]
        assert store.find(np.empty(0, dtype=np.uint32)) == []

    def test_near_gives_the_pairs_that_share_a_band(self, store, signer):
        asked = ["springfeild", "ringvile", "wholly other", "ab 00007"]
        got = self.pairs(store, signer, asked, 3, LENGTHS - 1, most=1000)
        signed = {row: signer.sign([text]).signatures for row, text in enumerate(self.folded()) if text}
        for number, text in enumerate(asked):
            mine = band_keys(signer.sign([text]).signatures, np.zeros(1, np.int64))
            want = {
                row: int((band_keys(one, np.zeros(1, np.int64)) == mine).sum())
                for row, one in signed.items()
                if row < len(TOWNS)
            }
            assert {row: got.count((number, row)) for row in want} == want
        assert all(row < len(TOWNS) for _text, row in got), "the LSH stage holds no value of the second column"

    def test_near_keeps_to_the_lengths_asked_for(self, store, signer):
        length = len("springfield")
        assert self.pairs(store, signer, ["springfield"], length, length, most=1000)
        assert self.pairs(store, signer, ["springfield"], length + 1, length + 9, most=1000) == [
            pair
            for pair in self.pairs(store, signer, ["springfield"], 3, LENGTHS - 1, most=1000)
            if length < len(self.folded()[pair[1]]) <= length + 9
        ]

    def test_near_passes_over_bands_that_many_share(self, store, signer):
        everything = self.pairs(store, signer, ["ingville"], 3, LENGTHS - 1, most=1000)
        few = self.pairs(store, signer, ["ingville"], 3, LENGTHS - 1, most=2)
        assert set(few) <= set(everything)
        assert len(few) < len(everything)

    def test_near_counts_only_rows_that_are_seen(self, store, signer):
        everything = self.pairs(store, signer, ["ingville"], 3, LENGTHS - 1, most=1000)
        one = max(row for _text, row in everything)
        assert self.pairs(store, signer, ["ingville"], 3, LENGTHS - 1, most=1, seen=lambda rows: rows == one) == [
            pair for pair in everything if pair[1] == one
        ]
        nothing = self.pairs(store, signer, ["ingville"], 3, LENGTHS - 1, most=9, seen=lambda rows: rows > 1_000_000)
        assert nothing == []

    def test_sketches_are_those_of_the_bigrams(self, store, signer):
        rows = np.array([TOWNS.index("Springfield"), TOWNS.index("+"), len(TOWNS)], dtype=np.uint32)
        sketches = store.sketches(rows)
        assert (sketches[0] == signer.sign(["springfield"]).sketches[0]).all()
        assert not sketches[1].any(), "no words, no bigrams"
        assert (sketches[2] == signer.sign(["ab 00000"]).sketches[0]).all()
        assert store.sketches(rows[:0]).shape == (0, 2)

    def test_threads_share_a_store(self, store):
        rows = np.arange(len(TOWNS), dtype=np.uint32)
        with ThreadPoolExecutor(8) as pool:
            assert all(found == store.values(rows) for found in pool.map(lambda _k: store.values(rows), range(50)))

    def test_an_index_answers_from_it(self, store, signer):
        columns = [
            {"table": "town", "column": "name", "values": len(TOWNS), "fuzzy": True},
            {"table": "part", "column": "code", "values": len(CODES)},
        ]
        index = ValueIndex({"columns": columns, "permutations": signer.permutations.tolist()}, store)
        assert [value for _ref, value in index] == [*TOWNS, *CODES]
        asked = "who ordered AB-00007 from Sprinfield, sao paulo or New York Citty?"
        assert {hit.value for hit in index.lookup(asked)} >= {"AB-00007", "Springfield", "São Paulo", "New York City"}

    def pairs(self, store, signer, texts, shortest, longest, *, most, seen=None):
        """Sorted (text number, row) pairs of `near`."""
        signatures = signer.sign(texts).signatures
        low = band_keys(signatures, np.full(len(texts), shortest))
        high = band_keys(signatures, np.full(len(texts), longest))
        owner, rows = store.near(low, high, most=most, seen=seen)
        return sorted(zip(owner.tolist(), rows.tolist(), strict=True))

    def folded(self):
        """The folded text of each row, "" where the LSH stage does not hold it."""
        known = {"Łódź": "lodz", "São Paulo": "sao paulo", "a\0b": "a b", "12345": "", "+": "", "東京": "東 京"}
        return [*(known.get(town, town.lower()) for town in TOWNS), *([""] * len(CODES))]
