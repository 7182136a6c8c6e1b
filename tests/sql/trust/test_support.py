"""Candidates of a chat model beside those of our own generators: weighed apart, and never by their number."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.llm.langchain import as_chat_model
from ctxprune.llm.limited import LimitedModel
from ctxprune.sql.generate.base import Generator
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.decompose import DecomposeGenerator
from ctxprune.sql.generate.mixed import MixedGenerator
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.pipeline.defaults import default_selector
from ctxprune.sql.select.base import Executed
from ctxprune.sql.select.grouping import group_results, read_table
from ctxprune.sql.select.judge import JudgedSelector
from ctxprune.sql.select.vote import VoteSelector
from ctxprune.sql.trust.features import FEATURES, GroupFacts
from ctxprune.sql.trust.model import TrustModel
from ctxprune.sql.trust.selector import TrustSelector
from ctxprune.sql.trust.support import find_outside, support_logits

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "generate" / "chat_fakes.py")))
shop = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "test_model.py")))
ALL, SOME, context, features, ran = shop.ALL, shop.SOME, shop.context, shop.features, shop.ran
OWN = [ran(ALL, (9,), score=0.3, generator="sketch.v1"), ran(SOME, (2,), score=0.7, generator="phrases.v1")]
THIRD = "SELECT MAX(id) FROM city"


def test_the_log_odds_are_those_that_were_fitted() -> None:
    path = Path(__file__).parents[3] / "benchmarks" / "results" / "chat_support.json"
    fitted = json.loads(path.read_text(encoding="utf-8"))["figures"]["agreed"]
    groups = [GroupFacts(members, members[0], None, (), empty=False) for members in ((0, 2), (1,), (3,))]
    assert support_logits(groups, frozenset((2, 3))) == pytest.approx([round(fitted, 1), 0, 0])


def failed(generator: str) -> Executed:
    return Executed(ran(ALL, generator=generator).candidate, "", error="no such table: town")


def test_only_others_beside_ours_are_outside() -> None:
    chat, second = ran(THIRD, (7,), generator="chat.v1"), ran(THIRD, (7,), generator="chat.v1#2")
    assert find_outside([*OWN, chat, second]) == {2, 3}
    assert find_outside([ran(ALL, (9,), generator="learned.v1"), *OWN]) == frozenset()
    assert find_outside([chat, second]) == frozenset()
    assert find_outside([failed("sketch.v1"), chat]) == frozenset()
    assert find_outside([]) == frozenset()


@pytest.mark.parametrize("rows", [(9,), (2,), (7,)])
def test_how_often_a_chat_model_says_a_thing_changes_no_support(rows: tuple[int]) -> None:
    """Whether it agrees with one of ours or brings a result of its own."""
    chat = ran(THIRD, rows, generator="chat.v1")
    before = features(context(), OWN)
    kept = re.compile(
        r"(sketch|phrases|other)_(asked|weight|lead|first)|families|share|both_first|firsts_agree|joint_weight"
    )
    places = [place for place, name in enumerate(FEATURES) if kept.fullmatch(name)]
    for count in (1, 5):
        executed = [*OWN, *[chat] * count]
        after = features(context(), executed)
        order = [next(i for i, g in enumerate(_groups(executed)) if place in g) for place in (0, 1)]
        own = [next(i for i, g in enumerate(_groups(OWN)) if place in g) for place in (0, 1)]
        np.testing.assert_allclose(after[order][:, places], before[own][:, places])


def _groups(executed: list[Executed]) -> list[tuple[int, ...]]:
    tables = {place: read_table(one.result) for place, one in enumerate(executed) if one.result is not None}
    return [group.members for group in group_results(tables)]


def chances(executed: list[Executed]) -> dict[int, float]:
    return {one.facts.members[0]: one.chance for one in TrustModel().judge(context(), executed)}


def test_agreement_with_a_chat_model_raises_the_chance() -> None:
    sketch = OWN[:1]
    alone, other = chances(sketch)[0], chances([*sketch, ran(THIRD, (7,), generator="chat.v1")])[0]
    agreed = chances([*sketch, ran(ALL, (9,), generator="chat.v1")])[0]
    assert other <= alone <= agreed
    assert other < agreed


@pytest.mark.parametrize("own", [SketchGenerator(), PhraseGenerator()])
def test_a_small_model_is_weighed_and_others_vote(own: Generator, tmp_path: Path) -> None:
    """The size of the file tells, through every wrapper."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF")
    small = LimitedModel(CachedModel(LlamaCppModel(path), GenerationCache(tmp_path / "answers.sqlite")))
    unknown = fakes.saying("SELECT 1")
    cases = (
        ([ChatGenerator(small), own], TrustSelector),
        ([MixedGenerator((ChatGenerator(small), DecomposeGenerator(small))), own], TrustSelector),
        ([own], TrustSelector),
        ([ChatGenerator(small)], VoteSelector),
        ([ChatGenerator(unknown), own], VoteSelector),
        ([ChatGenerator(small), ChatGenerator(unknown), own], VoteSelector),
        ([MixedGenerator((ChatGenerator(small), ChatGenerator(unknown))), own], VoteSelector),
    )
    for writers, kind in cases:
        assert isinstance(default_selector(None, None, writers, private=False), kind)


def test_no_small_model_is_a_judge(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF")
    writers = [PhraseGenerator()]
    assert isinstance(default_selector(None, LlamaCppModel(path), writers, private=False), TrustSelector)
    judged = default_selector(None, as_chat_model(fakes.saying("B")), writers, private=False)
    assert isinstance(judged, JudgedSelector)


def test_a_large_file_is_no_small_model(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)  # without blocks on disk
    assert not LlamaCppModel(path).is_small
