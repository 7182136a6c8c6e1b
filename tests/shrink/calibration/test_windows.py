"""Windows of the pruner: what is refused before any is made."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.data.pairs import Pair  # noqa: E402
from ctxprune.shrink.data.windows import batches_of_windows  # noqa: E402

PAIRS = [Pair("who wrote it?", "It was written by Ann.", 1.0), Pair("who wrote it?", "It was sold in May.", 0.0)]


@pytest.mark.parametrize(
    ("given", "wrong"), [({"tokens": 64}, "tokens is 64"), ({"rows": 0}, "rows is 0"), ({"rows": -1}, "rows is -1")]
)
def test_numbers_out_of_range_are_refused(given: dict[str, int], wrong: str):
    with pytest.raises(UsageError, match=wrong):
        batches_of_windows(PAIRS, None, None, **given)


def test_one_pair_is_too_few():
    with pytest.raises(InputError, match="one row"):
        batches_of_windows(PAIRS[:1], None, None)
