"""Logical queries: equal to brute force over all assignments, and what is said of bad ones."""

from __future__ import annotations

import itertools
from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, UnknownNameError, UsageError
from ctxprune.rag.graph import (
    And,
    Atom,
    Exists,
    Formula,
    Not,
    Or,
    Query,
    Triple,
    TripleGraph,
    Triples,
    Var,
    answer_query,
    parse_query,
)

if TYPE_CHECKING:
    from collections.abc import Callable

X, Y, Z = Var("x"), Var("y"), Var("z")
CITIES = TripleGraph(
    [
        ("Paris", "capital of", "France"),
        ("Rome", "capital of", "Italy"),
        ("Paris", "on", "Seine"),
        ("Rouen", "on", "Seine"),
        ("Rome", "on", "Tiber"),
        ("Seine", "is a", "river"),
        ("Tiber", "is a", "river"),
    ]
)


def brute_force(formula: Formula, graph: TripleGraph, truths: list[float], assignment: dict[str, int]) -> float:
    """Truth value by its definition."""
    if isinstance(formula, Atom):
        ends = [
            assignment[end.name] if isinstance(end, Var) else graph.labels.index(end)
            for end in (formula.head, formula.tail)
        ]
        fitting = [
            truth
            for truth, one, pair in zip(truths, graph.triples, graph.ends, strict=True)
            if formula.relation in ("*", one.relation) and list(pair) == ends
        ]
        return max(fitting, default=0.0)
    if isinstance(formula, Exists):
        return max(
            brute_force(formula.formula, graph, truths, assignment | {formula.variable.name: entity})
            for entity in range(len(graph.labels))
        )
    values = [brute_force(part, graph, truths, assignment) for part in formula.parts]
    if isinstance(formula, Not):
        return 1 - values[0]
    found = values[0]
    for value in values[1:]:
        found = found * value if isinstance(formula, And) else found + value - found * value
    return found


@st.composite
def graphs(draw: st.DrawFn) -> tuple[TripleGraph, list[float]]:
    entity = st.sampled_from("abcd")
    edges = draw(st.lists(st.tuples(entity, st.sampled_from("rs"), entity), min_size=1, max_size=8))
    edges += [("a", "r", "b"), ("a", "s", "c")]  # so that all that a query may name is there
    truths = draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=len(edges), max_size=len(edges)))
    return TripleGraph(edges), truths


ends = st.sampled_from([X, Y, Z, "a", "b"])
atoms = st.builds(Atom, st.sampled_from(["r", "s", "*"]), ends, ends)
formulas = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
        st.builds(Exists, st.sampled_from([Y, Z]), inner),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(drawn=graphs(), formula=formulas, least=st.sampled_from([0.0, 0.25, 0.625]))
def test_answers_equal_brute_force(drawn: tuple[TripleGraph, list[float]], formula: Formula, least: float) -> None:
    graph, truths = drawn
    query = Query(X, Exists(Y, Exists(Z, And((formula, Or((Atom("*", X, Y), Not(Atom("*", X, Y)))))))))
    found = {one.entity: one.truth for one in answer_query(graph, query, truths=truths, least=least, most=None).answers}
    # Without a tolerance: products and sums of quarters are exact.
    assert found == {
        entity: truth
        for entity in range(len(graph.labels))
        if (truth := brute_force(query.formula, graph, truths, {"x": entity})) > 0 and truth >= least
    }


@settings(max_examples=30, deadline=None)
@given(drawn=graphs(), formula=formulas)
def test_evidence_alone_proves_a_query_without_negation(
    drawn: tuple[TripleGraph, list[float]], formula: Formula
) -> None:
    graph, truths = drawn
    positive = Query(X, Exists(Y, Exists(Z, And((_without_not(formula), Atom("*", X, Y))))))
    for one in answer_query(graph, positive, truths=truths).answers:
        kept = [graph.triples[edge] for edge in one.evidence]
        # The constants that a query may name are there, without truth.
        alone = TripleGraph([*kept, ("a", "r", "b"), ("a", "s", "b")])
        again = answer_query(alone, positive, truths=[*(truths[edge] for edge in one.evidence), 0.0, 0.0])
        assert {other.label: other.truth for other in again.answers}[one.label] == pytest.approx(one.truth)


def _without_not(formula: Formula) -> Formula:
    if isinstance(formula, Not):
        return _without_not(formula.formula)
    if isinstance(formula, Exists):
        return Exists(formula.variable, _without_not(formula.formula))
    if isinstance(formula, (And, Or)):
        return type(formula)(tuple(map(_without_not, formula.parts)))
    return formula


def test_a_query_in_words_and_its_evidence() -> None:
    text = "?x: exists ?r (on(?x, ?r) and is a(?r, river)) and not capital of(?x, Italy)"
    found = answer_query(CITIES, text)
    assert [(one.label, one.truth) for one in found.answers] == [("Paris", 1.0), ("Rouen", 1.0)]
    assert found.to_text() == "Paris\n- on: Seine\nRouen\n- on: Seine\nSeine\n- is a: river\n"
    triples = Triples(CITIES)
    assert triples.render(found.kept_units(triples)) == found.to_text()
    with pytest.raises(UsageError, match="another graph"):
        found.kept_units(Triples([("a", "b", "c")]))


def test_the_domain_bounds_a_negation() -> None:
    nowhere = answer_query(CITIES, "?x: not *(?x, Seine)", domain=["Paris", "Rouen", "Rome", "Tiber"])
    assert [one.label for one in nowhere.answers] == ["Rome", "Tiber"]
    assert [one.evidence for one in nowhere.answers] == [(), ()]
    assert answer_query(CITIES, "?x: on(?x, Seine)", domain=[]).answers == ()


def test_operators_and_text_say_the_same() -> None:
    built = Query(X, (Atom("on", X, "Seine") | Atom("on", X, "Tiber")) & ~Atom("capital of", X, "Italy"))
    assert parse_query('?x: (on(?x, Seine) or on(?x, "Tiber")) and not "capital of"(?x, Italy)') == built


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "character 0"),
        ("x: r(x, y)", "character 0"),
        ("?x r(?x, y)", "character 3"),
        ("?x: r(?x)", "character 8"),
        ("?x: r(?x, y) also", "character 13"),
        ("?x: and r(?x, y)", "character 4"),
        ('?x: r(?x, "y)', "character 10"),
        ("?x: exists (r(?x, y))", "character 11"),
        ("?x: " + "(" * 5000 + "r(?x, y)" + ")" * 5000, "character"),
        ("?x: " + "not " * 5000 + "r(?x, y)", "character"),
    ],
)
def test_a_broken_text_says_where(text: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_query(text)
    assert where in caught.value.where


def test_bad_queries_are_refused() -> None:
    with pytest.raises(UsageError, match=r"and \?y is free as well") as free:
        Query(X, And((Atom("s", X, "a"), Atom("r", X, Y))))
    assert free.value.where == "formula, r(?x, ?y)"
    assert "exists ?y (...)" in free.value.hint
    with pytest.raises(UsageError, match=r"and \?x and \?y are free as well"):
        parse_query("?z: r(?x, ?y) and r(?z, a)")
    with pytest.raises(UsageError, match="no free variable"):
        Query(X, Exists(X, Atom("r", X, "a")))
    with pytest.raises(UsageError, match="no formula"):
        And((Atom("r", X, "a"), "b"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="formulas are"):
        Or(())
    deep: Formula = Atom("on", X, "Seine")
    for _ in range(5000):
        deep = Not(deep)
    with pytest.raises(UsageError, match="more than 100"):
        Query(X, deep)
    with pytest.raises(UnknownNameError, match="capital of"):
        answer_query(CITIES, "?x: capital(?x, France)")
    with pytest.raises(UsageError, match="no entity is 'Spain'"):
        answer_query(CITIES, "?x: on(?x, Spain)")
    for truths in ([1.0], [2.0] * 7, [float("nan")] * 7):
        with pytest.raises(UsageError, match="truths"):
            answer_query(CITIES, "?x: on(?x, Seine)", truths=truths)
    with pytest.raises(UsageError, match="query is a"):
        answer_query(CITIES, 7)  # type: ignore[arg-type]


def test_a_negation_over_too_many_entities_is_refused_before_it_is_computed() -> None:
    graph = TripleGraph([(str(number), "r", str(number + 1)) for number in range(1500)])
    with pytest.raises(UsageError, match="assignments"):
        answer_query(graph, "?x: exists ?y exists ?z (not r(?x, ?y) and not r(?y, ?z))")
    bounded = answer_query(graph, "?x: exists ?y (r(?x, ?y) and not r(?y, ?x))", most=3)
    assert [one.label for one in bounded.answers] == ["0", "1", "2"]


def test_answers_that_are_cut_say_how_many_there_are() -> None:
    graph = TripleGraph([(str(number), "r", "b") for number in range(250)])
    cut = answer_query(graph, "?x: r(?x, b)")
    assert (len(cut.answers), cut.total, cut.note) == (100, 250, "100 of 250 answers; 150 more are true")
    whole = answer_query(graph, "?x: r(?x, b)", most=None)
    assert (len(whole.answers), whole.total, whole.note) == (250, 250, "")
    nothing = answer_query(graph, "?x: r(b, ?x)")
    assert (nothing.answers, nothing.total, nothing.note) == ((), 0, "")


def test_any_number_of_equal_edges_is_one() -> None:
    graph = TripleGraph([("a", "r", "b")] * 50)
    (one,) = answer_query(graph, "?x: r(?x, b)", truths=[number / 100 for number in range(50)]).answers
    assert (one.truth, one.evidence) == (0.49, (49,))


def test_all_orders_of_a_conjunction_are_equal() -> None:
    parts = (Atom("on", X, Y), Atom("is a", Y, "river"), Not(Atom("capital of", X, "France")))
    found = {answer_query(CITIES, Query(X, Exists(Y, And(order)))).edges for order in itertools.permutations(parts)}
    assert found == {(3, 4, 5, 6)}


MEASURES = TripleGraph(
    [
        ("day 1", "temperature", 5),
        ("day 2", "temperature", 7),
        ("x", "lang", "C"),
        ("y", "lang", "Java"),
        ("m", "v", "A-"),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "?x: temperature(?x, -5)",
        "?x: lang(?x, C++)",
        "?x: lang(?x, C#)",
        "?x: lang(?x, c)",
        "?x: v(?x, A+)",
        "?x: *(?x, ?x) and not lang(?x, C++)",
    ],
)
def test_constants_are_exact(text: str) -> None:
    with pytest.raises(UsageError, match="no entity is") as caught:
        answer_query(MEASURES, text)
    assert caught.value.where == "query"


def test_constants_are_labels_or_keys() -> None:
    graph = TripleGraph([Triple("Ann", "age", "7", head_key="30"), Triple("Bob", "age", "30", head_key=31)])
    assert [one.label for one in answer_query(graph, "?x: age(?x, 30)").answers] == ["Bob"]
    assert [one.label for one in answer_query(graph, "?x: age(30, ?x)").answers] == ["7"]
    assert [one.label for one in answer_query(graph, Query(X, Atom("age", 31, X))).answers] == ["30"]  # type: ignore[arg-type]
    assert [one.label for one in answer_query(MEASURES, Query(X, Atom("temperature", X, 5))).answers] == ["day 1"]  # type: ignore[arg-type]


def test_an_or_keeps_the_truth_of_its_parts() -> None:
    graph = TripleGraph([("a", "r", "b"), ("c", "s", "b")])
    for truths, least in (([0.1, 0.05], 0.1), ([1e-17, 0.05], 0.0), ([1.0, 1e-17], 0.0)):
        found = {
            one.label: one.truth
            for one in answer_query(graph, "?x: r(?x, b) or s(?x, b)", truths=truths, least=least).answers
        }
        assert found == {label: truth for label, truth in zip("ac", truths, strict=True) if truth >= least}


def test_proofs_of_many_answers_take_linear_time() -> None:
    graph = TripleGraph([(f"e{number}", "r", "hub") for number in range(4000)])
    start = process_time()
    found = answer_query(graph, "?x: r(?x, hub)", most=None)
    assert process_time() - start < 2
    assert found.edges == tuple(range(4000))


def test_a_wide_query_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 1,000 formulas"):
        answer_query([("a", "r", "b")], "?x: " + " and ".join(["r(?x, b)"] * 8000))
    doubled: Formula = Atom("r", X, "b")
    for _ in range(60):  # 2 ** 60 atoms, of which one exists
        doubled = And((doubled, doubled))
    with pytest.raises(UsageError, match="more than 1,000 formulas"):
        Query(X, doubled)


def test_the_limit_of_states_holds_for_both_halves_together(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 40
    ring = [(f"e{at}", "r", f"e{(at + 1) % size}") for at in range(size)]
    ring += [(f"e{at}", "s", f"e{(at + 2) % size}") for at in range(size)]
    query = "?x: exists ?y exists ?z (not r(?x, ?y) and not s(?y, ?z))"
    monkeypatch.setattr("ctxprune.rag.graph.truth_table.MOST_STATES", 2 * size * size)
    assert len(answer_query(ring, query).answers) == size
    monkeypatch.setattr("ctxprune.rag.graph.truth_table.MOST_STATES", size * size + 100)  # each half has size * size
    with pytest.raises(UsageError, match="assignments"):
        answer_query(ring, query)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Query("x", Atom("r", X, "b")), "answer is a str"),  # type: ignore[arg-type]
        (lambda: Var(3), "name is a int"),  # type: ignore[arg-type]
        (lambda: Atom(["r"], X, "b"), "relation is a list"),  # type: ignore[arg-type]
        (lambda: answer_query(CITIES, "?x: on(?x, Seine)", truths=["a"] * 7), "truths are no numbers"),  # type: ignore[list-item]
        (lambda: answer_query(CITIES, "?x: on(?x, Seine)", truths=[[1], [2, 3]]), "truths are no numbers"),  # type: ignore[list-item]
        (lambda: answer_query(CITIES, "?x: on(?x, Seine)", domain=5), "domain is '5'"),  # type: ignore[arg-type]
        (lambda: answer_query(CITIES, "?x: on(?x, Seine)", domain="Rome"), "domain is 'Rome'"),
        (lambda: answer_query(CITIES, "?x: on(?x, Seine)", domain=["Oslo"]), "no entity is 'Oslo'"),
    ],
)
def test_wrong_types_are_named(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        wrong()
    assert "Oslo" not in message or caught.value.where == "domain"
