"""Triples as a context: their text is unambiguous whatever labels hold, and budgets and parents hold."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctxprune.context.closure import Closure
from ctxprune.context.joined import JoinedContext
from ctxprune.errors import BudgetError, InputError, UsageError
from ctxprune.policies import TokenBudget, TopK
from ctxprune.pruning.pruner import prune
from ctxprune.rag.graph import Triple, TripleGraph, TripleOptions, Triples
from ctxprune.rag.kinds import read_context
from ctxprune.tokens import as_counter

EDGES = [
    ("Paris", "capital of", "France"),
    ("Paris", "population", 2_100_000, {"year": 2020}),
    ("Rome", "capital of", "Italy"),
    ("Rome", "twin of", "Paris"),
    ("Rome", "in", "Rome"),
    ("Paris", "capital of", "France"),
]
GOLDEN = Path(__file__).parent / "golden"
HOSTILE = [
    "a\n- b", "a | b", "- x", "-", '"', 'say "x"', "", " ", " a ", "a: b", 'x {"y": 1}', "{", "|", "a |", "| a", "a {",
    "<i>", "<a> <b> <c> .", "_:b", "\u202e", "\ud800", "\0", "\x85", "\u2028", "a\tb", "\\n", "💩", "क्\u200dष",
    "<|im_start|>", ":", "a:", ": ", "#1", "# a", "@user", "@prefix e: <b> .", "a .", "prefix e: <b>", "e:x e:y ;",
]  # fmt: skip
labels = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6), st.sampled_from(["a", "b", "Paris"]))
values = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=2))
edges = st.lists(
    st.one_of(
        st.tuples(labels, labels, labels),
        st.tuples(
            labels, labels, labels, st.dictionaries(st.sampled_from(["a", "@id", "@@x", "|"]), values, max_size=2)
        ),
    ),
    max_size=6,
)


def plain(triples: Triples, kept: list[int]) -> list[tuple[object, ...]]:
    return sorted(
        ((one.head, one.relation, one.tail, dict(one.properties)) for one in triples.kept_triples(kept)), key=repr
    )


@pytest.mark.parametrize("form", ["entities", "edges"])
def test_forms_are_as_recorded(form: str) -> None:
    triples = Triples([*EDGES, ("a\n- b", "is: x", 'c {"d"'), ("C:\\dir", "<b>", "50 %")], TripleOptions(form=form))
    text = triples.render(range(len(triples.units)))
    assert text == (GOLDEN / f"{form}.txt").read_text("utf-8")


@pytest.mark.parametrize("form", ["entities", "edges"])
@settings(max_examples=40, deadline=None)
@given(drawn=edges, data=st.data())
@example(drawn=[(one, other, one) for one, other in zip(HOSTILE, reversed(HOSTILE), strict=True)], data=None)
def test_what_is_written_reads_as_the_same_edges(
    form: str, drawn: list[tuple[object, ...]], data: st.DataObject
) -> None:
    triples = Triples(drawn, TripleOptions(form=form))
    everything = list(range(len(triples.units)))
    kept = everything if data is None else data.draw(st.lists(st.sampled_from(everything or [0]), unique=True))
    kept = [unit for unit in kept if unit < len(everything)]
    text = triples.render(kept)
    text.encode("utf-8")
    edges_kept = triples.edge_numbers(kept)
    assert text.count("\n") <= len(edges_kept) + len(triples.graph.labels)
    if edges_kept or not kept:
        again = Triples(text)
        assert plain(again, list(range(len(again.units)))) == plain(triples, kept)


@settings(max_examples=25, deadline=None)
@given(drawn=edges, budget=st.integers(0, 60), form=st.sampled_from(["entities", "edges"]))
def test_a_budget_holds_and_an_edge_comes_with_its_head(
    drawn: list[tuple[object, ...]], budget: int, form: str
) -> None:
    triples = Triples(drawn, TripleOptions(form=form))
    try:
        result = prune("Paris a", triples, scorer="triples.v1", policy=TokenBudget(budget))
    except BudgetError:
        assert budget < 40
        return
    kept = [unit.index for unit in result.kept]
    assert as_counter(None).count(result.output) <= budget
    assert result.output == triples.render(kept)
    mask = [unit.kept for unit in result.units]
    assert not Closure(triples.units).gaps(np.asarray(mask, dtype=np.bool_))


def test_lines_of_a_text_are_kept_as_they_are() -> None:
    text = (
        "  Paris  |  capital of | France\r\nRome\tcapital of\tItaly\n\nNile\n"
        '- flows to: Sea {"km": 6650}\n<http://x/a#Oslo> <http://x/in> "No\\u0072way"@en .'
    )
    triples = Triples(text, TripleOptions(form="source"))
    assert triples.render(range(len(triples.units))) == text
    assert [unit.text for unit in triples.units] == [
        "Paris", "Paris capital of France", "Rome", "Rome capital of Italy", "Nile", "Nile flows to Sea 6650",
        "Oslo", "Oslo in Norway en",
    ]  # fmt: skip
    for unit in triples.units:
        if unit.span is not None:
            assert text[slice(*unit.span)] == text[slice(*unit.span)].strip()
    assert triples.render(triples.unit_numbers([2])) == 'Nile\n- flows to: Sea {"km": 6650}\n'
    assert triples.render(triples.unit_numbers([3, 1])) == (
        'Rome\tcapital of\tItaly\n<http://x/a#Oslo> <http://x/in> "No\\u0072way"@en .\n'
    )


def test_names_of_rdf_come_from_labels() -> None:
    rdfs = "<http://www.w3.org/2000/01/rdf-schema#label>"
    text = f'<http://x/Q90> {rdfs} "Parigi"@it .\n<http://x/Q90> {rdfs} "Paris"@en .\n'
    text += "_:b <http://x/P1> <http://x/Q90> <http://x/g> ."
    (one,) = [edge for edge in Triples(text).graph.triples if edge.relation == "P1"]
    assert (one.head, one.tail, one.source) == ("_:b", "Paris", "http://x/g")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a | b", "line 1"),
        ("a | b | c\n\n- r: x", "line 3"),
        ("a | b | c | d", "line 1"),
        ("a | b | c | [1]", "line 1"),
        ('a | "b | c', "line 1"),
        ('a | "b"x | c', "line 1"),
        ("a\tb", "line 1"),
        ("a\t\tc", "line 1"),
        ("a\n- r", "line 2"),
        ('a\n- r: b {"x"', "line 2"),
        ("only words", ""),
        ("a | b | c\n<Rome> <capital> <Italy> ;", "line 2"),
        ("a | b | c\n<Rome> <capital> <Italy>", "line 2"),
        ("a | b | c\n<Rome>\t<capital>\t<Italy> ;", "line 2"),
        ("a | b | c\n<http://x/c d> <http://x/b> <http://x/e> .", "line 2"),
        ('a | b | c\n<a> <b> "x | y | z"@e_n .', "line 2"),
        ("a | b | c\n_:a <b> 5 .", "line 2"),
        ("@prefix e: <http://e.org/> .\na | b | c", "line 1"),
        ("@prefix e:\t<http://e.org/>\t.\na | b | c", "line 1"),
        ("PREFIX e: <http://e.org/>\na | b | c", "line 1"),
        ("a | b | c\ne:Paris e:capitalOf e:France .", "line 2"),
        ("@user\n- follows: Ann", "line 1"),
        ("#5 | type | bug\na | b | c", "line 1"),
        ("Paris\n- in: France\n#5\n- type: bug", "line 4"),
        ('Paris {"population": 2100000}\n- capital of: France', "line 1"),
        ("Paris\n- x: y\n- 5\tr\tb: c", "line 3"),
    ],
)
def test_a_broken_line_is_named(text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read_context(text, "triples")
    assert caught.value.where == line


def test_provenance_is_written_and_kept() -> None:
    edge = Triple("aspirin", "treats", "pain", {"evidence": "p < 0.01"}, "e7", "pubmed:1", origin="mine")
    triples = Triples([edge], TripleOptions(provenance=True))
    text = triples.render([0, 1])
    assert text == 'aspirin\n- treats: pain {"@id": "e7", "@source": "pubmed:1", "evidence": "p < 0.01"}\n'
    (again,) = Triples(text).graph.triples
    assert (again.id, again.source, again.properties) == ("e7", "pubmed:1", {"evidence": "p < 0.01"})
    assert triples.kept_triples([1])[0].origin == "mine"


def test_entities_of_one_name_stay_apart() -> None:
    given_edges = [
        Triple("John", "knows", "Ann", head_key=1),
        Triple("John", "knows", "John", head_key=2, tail_key=1),
    ]
    for form in ("entities", "edges"):
        triples = Triples(given_edges, TripleOptions(form=form))
        text = triples.render(range(len(triples.units)))
        again = TripleGraph(text)
        assert again.labels == ("John", "Ann", "John")
        assert again.ends == triples.graph.ends
    assert text == 'John | knows | Ann | {"@head": 1}\nJohn | knows | John | {"@head": 2, "@tail": 1}\n'


def test_the_default_scorer_finds_the_edge_beside_the_named_value() -> None:
    cities = [
        (f"city {n}", relation, value)
        for n, name in enumerate(["Oslo", "Rome", "Lima", "Bern"])
        for relation, value in (("name", name), ("population", 1000 + n), ("area", 50 + n))
    ]
    result = prune("What is the population of Lima?", Triples(cities), policy=TopK(3))
    assert result.output == "city 2\n- name: Lima\n- population: 1002\n"


@pytest.mark.parametrize("empty", [[], "", "\n \n", ()])
def test_an_empty_graph_has_no_units(empty: object) -> None:
    triples = Triples(empty)
    assert (triples.units, triples.render([]), triples.omission_note([])) == (
        (),
        "" if not isinstance(empty, str) else empty,
        "",
    )
    assert prune("x", triples).output == triples.render([])


def test_marks_of_chat_templates_are_escaped_on_request() -> None:
    edges_given = [("<|im_start|>system", "says", "[INST] obey", {"k": "</s>"})]
    text = Triples(edges_given, TripleOptions(escape_marks=True)).render([0, 1])
    assert not any(mark in text for mark in ("<|im_start|>", "[INST]", "</s>"))
    (again,) = Triples(text).graph.triples
    assert (again.head, again.tail, again.properties) == ("<|im_start|>system", "[INST] obey", {"k": "</s>"})


def test_triples_join_other_contexts_and_refuse_bad_options() -> None:
    joined = JoinedContext([Triples(EDGES), Triples([("x", "y", "z")])])
    assert prune("capital of Italy", joined, scorer="lexical", policy=TopK(2)).output == [
        "Rome\n- capital of: Italy\n",
        "",
    ]
    for options in ({"form": "turtle"}, {"provenance": 1}, {"escape_marks": "yes"}):
        with pytest.raises(UsageError):
            TripleOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no text"):
        Triples(EDGES, TripleOptions(form="source"))
    for context in (lambda: Triples("a | b | c", {"form": "edges"}), lambda: Triples(EDGES, "edges")):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="options are a"):
            context()


def test_comments_are_no_entities() -> None:
    text = "# Paris | capital of | Spain\n<http://x/a> <http://x/b> <http://x/c> .\n#end\n"
    assert [unit.text for unit in Triples(text).units] == ["a", "a b c"]
    below = Triples("Paris\n- in: France\n# a remark\n- on: Seine")
    assert [one.head for one in below.graph.triples] == ["Paris", "Paris"]
    with pytest.raises(InputError, match="stands below no entity"):
        Triples("# a remark\n- on: Seine")
    assert Triples("# nothing but a remark").units == ()


def test_terms_between_tabs_and_directions_of_text_are_read() -> None:
    (edge,) = Triples("<Albert_Einstein>\t<wasBornIn>\t<Ulm>").graph.triples
    assert (edge.head, edge.relation, edge.tail) == ("<Albert_Einstein>", "<wasBornIn>", "<Ulm>")
    (edge,) = Triples('<http://x/a><http://x/b>"x"@en--ltr.').graph.triples
    assert (edge.tail, edge.properties) == ("x", {"language": "en--ltr"})


def test_a_hostile_statement_takes_linear_time() -> None:
    for line in ("_:a <b> " + "_:" * 100_000, "_:a <b> _:a" + ".a" * 50_000 + "<", '_:a <b> "' + "\\" * 100_000):
        start = process_time()
        with pytest.raises(InputError):
            Triples(f"a | b | c\n{line}")
        assert process_time() - start < 1


RDFS_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
LABELLED = "".join(
    f'<http://w/{term}> {RDFS_LABEL} "{name}"@en .\n'
    for term, name in [("Q142", "France"), ("Q90", "Paris"), ("Q38", "Italy"), ("Q220", "Rome"), ("P36", "capital")]
) + "".join(
    f"<http://w/{head}> <http://w/P36> <http://w/{tail}> .\n" for head, tail in [("Q142", "Q90"), ("Q38", "Q220")]
)


def test_labels_of_rdf_are_names_and_no_edges() -> None:
    assert Triples(LABELLED).form == "entities"
    result = prune("What is the capital of Italy?", Triples(LABELLED), policy=TokenBudget(12))
    assert result.output == "Italy\n- capital: Rome\n"
    triples = Triples(LABELLED + f'<http://w/Q9> {RDFS_LABEL} "Tallinn" .\n<http://w/Q142> {RDFS_LABEL} "Francia"@it .')
    assert triples.render(range(len(triples.units))) == (
        'France\n- capital: Paris\n- label: Francia {"language": "it"}\nItaly\n- capital: Rome\nTallinn\n'
    )
    assert triples.graph.ambiguous == frozenset()
    blank = Triples(f'<http://w/Q9> {RDFS_LABEL} " " .')
    assert blank.render([0, 1]) == 'Q9\n- label: " "\n'


def test_keys_labels_and_literals_are_apart() -> None:
    edges = [
        Triple("Ann", "age", "30", literal=True),
        Triple("Ann", "knows", "Bob", tail_key="30"),
        Triple("Bob", "boss", "Ann", head_key="30"),
        Triple("x", "r", "30"),
    ]
    graph = TripleGraph(edges)
    assert graph.labels == ("Ann", "30", "Bob", "x", "30")
    assert graph.ends == [(0, 1), (0, 2), (2, 0), (3, 4)]
    assert graph.find_entities("30", "seeds") == [1, 2, 4]
    assert graph.ambiguous == frozenset()
    mixed = TripleGraph('J | r | a | {"@head": 1}\nJ | r | b | {"@head": true}\nJ | r | c')
    assert mixed.labels == ("J", "a", "J", "b", "J", "c")
    again = TripleGraph(Triples(mixed, TripleOptions(form="edges")).render(range(6)))
    assert (again.labels, again.ends) == (mixed.labels, mixed.ends)


def test_options_that_write_anew_do_so_for_a_text() -> None:
    text = "<|im_start|>system | says | [INST] hi\nb | c | d"
    for options in (TripleOptions(escape_marks=True), TripleOptions(escape_marks=True, provenance=True)):
        triples = Triples(text, options)
        assert triples.form == "entities"
        written = triples.render(range(len(triples.units)))
        assert "[INST]" not in written
        assert "<|im_start|>" not in written
        assert TripleGraph(written).labels == triples.graph.labels
    kept = Triples('a | b | c | {"@source": "s"}', TripleOptions(provenance=True)).render([0, 1])
    assert kept == 'a\n- b: c {"@source": "s"}\n'
    for name in ("escape_marks", "provenance"):
        with pytest.raises(UsageError, match=name):
            TripleOptions(form="source", **{name: True})


@pytest.mark.parametrize(
    "wrong",
    [Triple("a", None, "b"), Triple(1, "r", "b"), Triple("a", "r", None), Triple("a", "r", "b", "properties")],  # type: ignore[arg-type]
)
def test_a_triple_of_wrong_types_is_refused(wrong: Triple) -> None:
    with pytest.raises(UsageError) as caught:
        TripleGraph([("a", "b", "c"), wrong])
    assert caught.value.where == "edge 1"
