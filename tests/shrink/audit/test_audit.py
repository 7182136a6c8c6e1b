"""The audit on models whose faults are planted."""

from __future__ import annotations

import json

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.audit import AuditedModel, Question, audit
from ctxprune.shrink.audit.questions import find_slices, swap_gender

PLAIN = [
    Question(f"who opened gate number{n} in the old town", ("the gate", "a cow", "grass"), (1, 0, 0), "stories")
    for n in range(40)
]
NEGATED = [Question(f"gate {n} never opened", ("the gate", "a cow", "grass"), (1, 0, 0), "law") for n in range(24)]


def right(question):
    return [float(text == "the gate") + 0.01 * place for place, text in enumerate(question.texts)]


def wrong_on_negation(question):
    found = right(question)
    return found if "never" not in question.query else [-value for value in found]


def test_the_planted_fault_is_named():
    report = audit(AuditedModel("full", right), [AuditedModel("small", wrong_on_negation)], PLAIN + NEGATED)
    full, small = report.models
    assert full["ndcg@10"] == 100
    assert small["worst_slice"] in ("negation", "domain law", "number", "short question")
    assert small["slices"]["negation"]["questions"] == 24
    assert small["slices"]["negation"]["lost"] == small["slices"]["domain law"]["lost"] == 50.0
    assert small["slices"]["domain stories"]["lost"] == 0
    assert small["flips"] == {
        "share": 37.5, "right_to_wrong": 24, "wrong_to_right": 0, "examples": small["flips"]["examples"],
    }  # fmt: skip
    assert small["flips"]["examples"][0]["before"] == "the gate"
    assert small["lost"] == pytest.approx(50 * 24 / 64, abs=0.01)
    assert small["lost_95"][0] < small["lost"] < small["lost_95"][1]


def test_exemplars_are_what_most_variants_change():
    variants = {"seed 1": wrong_on_negation, "seed 2": right}
    few = audit(AuditedModel("full", right), [AuditedModel("s", right, variants=variants)], PLAIN + NEGATED).models[1]
    assert few["exemplars"]["share"] == 0
    many = audit(
        AuditedModel("full", right), [AuditedModel("s", wrong_on_negation, variants=variants)], PLAIN + NEGATED
    ).models[1]
    assert many["exemplars"]["share"] == 37.5
    assert many["exemplars"]["variants"] == 3
    assert many["exemplars"]["times_as_often"]["negation"] == pytest.approx(64 / 24, abs=0.01)
    assert many["spread"]["variants"]["seed 2"] == 100
    assert many["spread"]["deviation"] > 0


def test_swaps_measure_the_influence_of_gender():
    asked = [Question("did he win", ("He won.", "She lost."), (1, 0))] * 3

    def fond_of_he(question):
        return [float("He" in text.split()) for text in question.texts]

    def blind(question):
        return [float("won" in text) for text in question.texts]

    full, small = audit(AuditedModel("full", blind), [AuditedModel("small", fond_of_he)], asked).models
    assert full["swaps"] == {"questions": 3, "mean_change": 0, "largest_change": 0, "first_text_changed": 0}
    assert small["swaps"]["mean_change"] == pytest.approx(2.0)
    assert small["swaps"]["first_text_changed"] == 100


def test_titles_are_swapped_with_their_texts():
    titled = Question("did he win", ("He won.", "She lost."), (1, 0), sources=(0, 1), titles=("John", "A day"))
    assert titled.swapped() == Question(
        "did she win", ("She won.", "He lost."), (1, 0), sources=(0, 1), titles=("Patricia", "A day")
    )


def test_swapped_keeps_case_and_other_words():
    assert (
        swap_gender("He saw Mary, THE MAN and the theory of his.") == "She saw James, THE WOMAN and the theory of her."
    )
    assert swap_gender("grass") == "grass"


def test_slices_leave_out_what_holds_all_or_none():
    assert set(find_slices(PLAIN)) <= {"long question", "rare term"}
    assert find_slices([]) == {}
    assert find_slices([Question("don’t", ("a",), (1,)), Question("do", ("a",), (1,))])["negation"].tolist() == [
        True,
        False,
    ]


def test_the_page_is_whole_and_escaped():
    bad = [Question("<script>1 & never", ("the gate", "<b>", "grass"), (1, 0, 0))] * 30
    report = audit(AuditedModel("full", right), [AuditedModel("a<b", wrong_on_negation, {"bytes": 9e6})], PLAIN + bad)
    page = report.to_html()
    assert "<script>" not in page
    assert "a&lt;b" in page
    assert "9.0 MB" in page
    assert "Pale: under 20 questions" not in page
    few = audit(AuditedModel("full", right), [AuditedModel("small", right)], PLAIN + bad[:5])
    assert "Pale: under 20 questions" in few.to_html()
    json.dumps(report.to_dict())


def test_bad_input():
    with pytest.raises(InputError, match="no question"):
        audit(AuditedModel("full", right), [], [Question("q", ("a", "b"), (0, 0))])
    with pytest.raises(UsageError, match="shape"):
        audit(AuditedModel("full", lambda question: [1.0]), [], PLAIN)
    with pytest.raises(UsageError, match="finite"):
        audit(AuditedModel("full", lambda question: [float("nan")] * 3), [], PLAIN)
    with pytest.raises(UsageError, match="same name"):
        audit(AuditedModel("full", right), [AuditedModel("full", right)], PLAIN)
    with pytest.raises(UsageError, match="3 gains and 0 sources for 2 texts"):
        Question("q", ("a", "b"), (1, 0, 0))
    with pytest.raises(UsageError, match="none of the 1 titles"):
        Question("q", ("a", "b"), (1, 0), sources=(0, 1), titles=("t",))
