"""The default for running text: what it weighs, and that it holds on odd contexts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.errors import FormatError, UsageError
from ctxprune.rag import Passage, PassageOptions, Passages, Table
from ctxprune.scorers.base import score_batch
from ctxprune.scorers.combined.cascade import CascadeScorer
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.mixture_parts import weights as weights_module
from ctxprune.scorers.combined.mixture_parts.features import (
    LEXICAL,
    MODEL,
    Outline,
    by_length,
    lexical_features,
    looks_like_heading,
    model_features,
)
from ctxprune.scorers.combined.mixture_parts.links import LINKS
from ctxprune.scorers.combined.mixture_parts.matches import Matches, read_vocabulary
from ctxprune.scorers.combined.mixture_parts.weights import MixtureWeights, load_weights
from ctxprune.scorers.combined.structured import StructuredScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.fingerprint import identity

MANUAL = """NAME
       sync - copy files

OPTIONS
       --keep-going
              Do not stop at the first error that is met.

       --log-file FILE
              What was copied is written to FILE, a line for each.

       --quiet
              Nothing is printed while files are copied.
"""
LIGHTHOUSE = Passage(
    "# Lighthouse\n\nIt was built in 1842 of white stone.\n\n# Church\n\nIt was built in 1710 of red brick.\n",
    options=PassageOptions(markdown=True, headings=True),
)


def column(name: str, query: str, texts: list[str]) -> list[float]:
    """One lexical feature of units with these texts."""
    context = Passages(texts)
    units = [unit.text for unit in context.units]
    rows = lexical_features(query, units, read_vocabulary(units), Outline(context))
    return rows[:, LEXICAL.index(name)].round(6).tolist()


def test_a_sentence_under_its_heading_beats_that_of_another() -> None:
    scores = MixtureScorer().score("When was the lighthouse built?", LIGHTHOUSE)
    texts = [unit.text for unit in LIGHTHOUSE.units]
    assert texts[int(scores.argmax())] == "It was built in 1842 of white stone."
    assert [score for unit, score in zip(texts, scores, strict=True) if unit.startswith("#")] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("can I make it go on when somthing fails", "Do not stop at the first error that is met."),
        ("where does it write the list of copied files", "What was copied is written to FILE"),
        ("--quiet", "Nothing is printed while files are copied."),
    ],
)
def test_paragraphs_of_options(query: str, answer: str) -> None:
    context = Passage(MANUAL)
    scores = MixtureScorer().score(query, context)
    best = [context.units[index].text for index in np.argsort(-scores)[:3]]
    assert any(text.startswith(answer) for text in best)


def test_a_batch_is_what_each_gets_alone() -> None:
    contexts = [Passage(MANUAL), LIGHTHOUSE, Passage(""), Table("a,b\n1,2\n"), Passages(["One.", "Two two."])]
    queries = ["quiet", "When was the church built?", "x", "a", "two"]
    scorer = MixtureScorer()
    for found, query, context in zip(score_batch(scorer, queries, contexts), queries, contexts, strict=True):
        np.testing.assert_array_equal(found, MixtureScorer().score(query, context))


def test_rows_and_columns_are_left_to_the_cascade() -> None:
    table = Table("Year,City\n1896,Athens\n1900,Paris\n")
    query = "Which city in 1900?"
    np.testing.assert_array_equal(MixtureScorer().score(query, table), CascadeScorer().score(query, table))


def test_documents_are_ranked_as_by_the_model() -> None:
    context = Passages(["The tower is tall. It was built in 1889.", "Cats sleep.", ""], titles=["Tower", "Cats", ""])
    query = "When was the tower built?"
    np.testing.assert_array_equal(
        MixtureScorer().score_documents(query, context)[1], PrunerScorer().score_documents(query, context)[1]
    )


def test_of_a_long_text_only_some_windows_are_read() -> None:
    text = "\n\n".join(f"Item {number} of the list is about nothing in particular." for number in range(300))
    context = Passage(f"{text}\n\nThe harbour closes at eleven in winter.\n\n{text}")
    scorer = MixtureScorer(windows=2)
    read: list[int] = []
    inner = scorer.pruner.features_batch
    object.__setattr__(
        scorer.pruner,
        "features_batch",
        lambda queries, parts: read.extend(len(part.units) for part in parts) or inner(queries, parts),
    )
    scores, documents = scorer.score_documents("When does the harbour close?", context)
    assert read[0] < 60 < len(context.units)
    assert context.units[int(scores.argmax())].text == "The harbour closes at eleven in winter."
    assert np.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert len(documents) == 1


@pytest.mark.parametrize(
    "query", ["", "the of and", "Wo steht der Turm?", "灯台はいつ建てられましたか", "\ud800 \x00", "word " * 3000, "?!"]
)
@pytest.mark.parametrize("text", ["", " \n", "?!", "Der Turm steht im Hafen. Die Katze schläft.", "a" * 4000, "\ud800"])
def test_odd_questions_and_texts(query: str, text: str) -> None:
    context = Passage(text)
    scores = MixtureScorer().score(query, context)
    assert scores.shape == (len(context.units),)
    assert np.isfinite(scores).all()


def test_parents_in_a_circle_and_empty_units() -> None:
    class Odd:
        units = (Unit("a", parent=1), Unit("b", parent=0), Unit(""), Unit("c c"))

        def render(self, kept):
            return sorted(kept)

    assert np.isfinite(MixtureScorer().score("c", Odd())).all()


def test_a_calibration_tells_other_weights_apart() -> None:
    weights = load_weights()
    other = replace(weights, scale=weights.scale + 1)
    same = identity(MixtureScorer())
    assert same == identity(MixtureScorer())
    assert len({same, identity(MixtureScorer(weights=other)), identity(MixtureScorer(windows=3))}) == 3


def test_arguments_out_of_range() -> None:
    with pytest.raises(UsageError, match="windows"):
        MixtureScorer(windows=0)
    with pytest.raises(UsageError, match="window"):
        MixtureScorer(window=0)


def test_other_forms_of_a_word_and_misspellings_count() -> None:
    words = read_vocabulary(["the compilation failed", "threads are safe", "cats"])
    formed = Matches.of("compiled thred", words).formed
    assert formed[0, 0] > 0.5 > formed[1, 0]
    assert formed[1, 1] > 0.5 > formed[0, 1]
    assert formed[2].tolist() == [0.0, 0.0]
    forms = Matches.of("config process", read_vocabulary(["configuration", "procedure"])).formed
    assert forms[0].tolist() == [0.7, 0.0]
    assert forms[1].tolist() == [0.0, 0.0]
    # A word that is there was meant, so that none is taken for its misspelling.
    assert Matches.of("cats", read_vocabulary(["cats", "cart"])).formed[1].tolist() == [0.0]


def test_the_rarest_terms_of_a_long_question_are_looked_for() -> None:
    texts = ["filler " * 3, "needle"]
    common = " ".join(f"filler{number}" for number in range(70))
    matches = Matches.of(f"filler {common} needle", read_vocabulary([*texts, common]))
    assert len(matches.terms) == 64
    assert matches.weights.sum() == pytest.approx(1)


def test_headings_lend_their_words_to_what_stands_below() -> None:
    texts = ["Lighthouse", "It was built in 1842.", "Church", "It was built in 1710."]
    lent = column("heading", "When was the lighthouse built?", ["\n\n".join(texts)])
    assert lent[1] > 0
    assert lent[3] == 0
    assert [looks_like_heading(text) for text in ("OPTIONS", "Title\n=====", "A sentence.", "x" * 90, "---")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_words_around_a_unit_count_within_its_document() -> None:
    near = column("near", "harbour winter", ["The harbour is large. It closes early.", "Nothing. The winter is long."])
    assert near[1] > 0
    assert near[2] > 0
    assert near[0] == near[3] == 0


def test_literals_are_looked_for_as_they_are_written() -> None:
    shares = column("literal", "what is --no-cache for in RFC 2616", ["Use --no-cache here.", "See rfc 2616.", "None."])
    assert shares == pytest.approx([1 / 3, 2 / 3, 0], abs=1e-6)


def test_what_the_model_did_not_read_counts_as_its_worst() -> None:
    said = np.array([[1.0, np.nan, -3.0], [0.5, np.nan, 0.5], [np.nan, np.nan, np.nan]])
    assert model_features(said).tolist() == [[1.0, 0.5, 0.0], [-3.0, 0.5, 0.0], [-3.0, 0.5, 0.0]]
    assert len(said) == len(MODEL)


def test_weights_go_over_from_short_contexts_to_long_ones() -> None:
    rows = np.ones((1, 2))
    assert by_length(rows, 3).tolist() == [[1, 1, 0, 0]]
    assert by_length(rows, 10_000).tolist() == [[0, 0, 1, 1]]
    between = by_length(rows, 50)
    assert 0 < between[0, 2] < 1
    assert between[0, 0] + between[0, 2] == pytest.approx(1)


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(FormatError):
        MixtureWeights.from_dict({"format": weights_module.FORMAT, "version": 99})
    good = {
        "format": weights_module.FORMAT,
        "version": weights_module.VERSION,
        "features": {"lexical": list(LEXICAL), "model": list(MODEL), "links": list(LINKS)},
        "rough": load_weights().rough.to_dict(),
        "full": load_weights().full.to_dict(),
        "links": load_weights().links.to_dict(),
        "calibration": {"scale": 1.0, "best": 0.0, "fewness": 0.0, "bias": 0.0},
    }
    assert MixtureWeights.from_dict(good).scale == 1.0
    for wrong in (
        {"calibration": {"scale": -1.0, "best": 0, "fewness": 0, "bias": 0}},
        {"calibration": {"scale": float("nan"), "best": 0, "fewness": 0, "bias": 0}},
        {"full": good["rough"]},
        {"links": good["rough"]},
        {"features": {"lexical": [], "model": [], "links": []}},
    ):
        with pytest.raises(FormatError):
            MixtureWeights.from_dict(good | wrong)


def test_a_mixture_that_is_limited_has_its_model_read_less(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    whole = PrunerScorer.features_batch

    def features_batch(self, queries, contexts):
        read.append(sum(len(unit.text) for context in contexts for unit in context.units))
        return whole(self, queries, contexts)

    monkeypatch.setattr(PrunerScorer, "features_batch", features_batch)
    filler = " ".join(f"The pump number {number} was serviced on a quiet day." for number in range(200))
    text = f"{filler} The bridge opened in 1933. {filler}"
    mixture = MixtureScorer()
    limited = mixture.limited_to(2_000)
    for scorer in (mixture, limited, limited.model_alone, StructuredScorer(mixture).limited_to(2_000)):
        context = Passage(text)
        scores = scorer.score("When did the bridge open?", context)
        assert context.units[int(scores.argmax())].text == "The bridge opened in 1933."
    assert read[0] > 10_000
    assert max(read[1:]) <= 2_000
    assert limited.fingerprint != mixture.fingerprint
    assert mixture.limited_to(1_000_000) is mixture
    assert mixture.limited_to(20_000).model_alone != mixture.model_alone
    assert LexicalScorer().limited_to(10) == LexicalScorer()
