"""Names of presses as command lines spell them: as registered, as the classes are called, nested, or wrong."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from ctxprune.errors import UnknownNameError, UsageError  # noqa: E402
from ctxprune.kv import AdaKV, ChunkKV, SnapKV, StreamingLLM  # noqa: E402
from ctxprune.kv.evaluation.run import Comparison  # noqa: E402
from ctxprune.kv.presses.registry import PRESSES, WRAPPERS, build_press, canonical_name  # noqa: E402


@pytest.mark.parametrize("registry", [PRESSES, WRAPPERS])
def test_every_class_is_found_under_its_own_name(registry):
    for full in registry.names():
        spelt = registry.get(full).__name__
        name = spelt if registry is PRESSES else f"{spelt}(SnapKV)"
        assert registry.get(canonical_name(name).partition("(")[0]) is registry.get(full)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SnapKV", SnapKV(0.75)),
        ("snapkv.v1", SnapKV(0.75)),
        (" StreamingLLM ", StreamingLLM(0.75)),
        ("streaming-llm", StreamingLLM(0.75)),
        ("AdaKV(SnapKV)", AdaKV(SnapKV(0.75))),
        ("chunkkv( AdaKV(snapkv) )", ChunkKV(AdaKV(SnapKV(0.75)))),
    ],
)
def test_spellings_build_the_same_press(name, expected):
    assert build_press(name, 0.75) == expected


def test_a_comparison_has_one_spelling():
    asked = Comparison(presses=("SnapKV", "AdaKV(Expected_Attention)", "knorm.v1"))
    assert asked.presses == ("snapkv", "adakv(expected_attention)", "knorm.v1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SnapKW", "no press is named 'snapkw': did you mean 'snapkv'"),
        ("AdaKW(SnapKV)", "no press wrapper is named 'adakw': did you mean 'adakv'"),
        ("AdaKV(SnapKW)", "no press is named 'snapkw'"),
    ],
)
def test_near_names_are_proposed(name, message):
    with pytest.raises(UnknownNameError, match=message) as raised:
        build_press(name, 0.5)
    assert ".v1" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("AdaKV", "AdaKV wraps a press"),
        ("SnapKV(Knorm)", "SnapKV is a press, and wraps none"),
        ("adakv(snapkv", "not the name of a press"),
        ("adakv(snapkv))", "not the name of a press"),
        ("", "not the name of a press"),
        ("adakv(" * 5000 + "snapkv" + ")" * 5000, "8 wrappers at most"),
        ("PerLayer(SnapKV)", "has no ratios"),
        ("Composed(SnapKV)", "Composed got one press"),
    ],
)
def test_malformed_names_are_refused(name, message):
    with pytest.raises(UsageError, match=message):
        build_press(name, 0.5)
