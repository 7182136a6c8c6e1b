"""Numbers of the wrong kind or range end with an error of ours wherever they are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ctxprune import Adaptive, LexicalScorer, ReciprocalRankFusion, Threshold, TokenBudget, TopK, WeightedFusion
from ctxprune.errors import FormatError, UsageError
from ctxprune.sql import Limits, PipelineConfig, Schema
from ctxprune.utils.validation import is_number

ODD = ("1", None, float("nan"), float("inf"), -float("inf"), True, [1], 1j, b"1")


def test_what_a_number_is() -> None:
    assert all(map(is_number, (0, -1.5, np.float32(2), np.int64(3))))
    assert not any(map(is_number, ODD))


@pytest.mark.parametrize("value", [value for value in ODD if value is not True])
@pytest.mark.parametrize(
    "make",
    [
        Threshold,
        Adaptive,
        TopK,
        TokenBudget,
        lambda value: LexicalScorer(k1=value),
        lambda value: LexicalScorer(b=value),
        lambda value: ReciprocalRankFusion(k=value),
        lambda value: WeightedFusion(weights=(1, value)),
        lambda value: Limits(seconds=value),
        lambda value: Limits(rows=value),
        lambda value: PipelineConfig(candidates=value),
    ],
)
def test_constructors_refuse_other_things(make: Callable[[object], object], value: object) -> None:
    with pytest.raises(UsageError):
        make(value)


@pytest.mark.parametrize("data", [[], None, "x", {}, {"format": "ctxprune.schema", "version": 1}])
def test_other_data_are_no_schema(data: object) -> None:
    with pytest.raises(FormatError):
        Schema.from_dict(data)
