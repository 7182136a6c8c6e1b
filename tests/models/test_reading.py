"""Which units are read as which documents, and how a unit's score comes from its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.models.reading import Layout, read
from ctxprune.models.windows import windows


class Tree:
    def __init__(self, *units: Unit, **more: object) -> None:
        self.units = units
        self.__dict__.update(more)

    def render(self, kept):
        return sorted(kept)


class Lengths:
    """A model whose token is a letter, and whose logits are the id of a token and its place."""

    def encode(self, texts):
        return [[ord(letter) for letter in text] for text in texts]

    def windows(self, question, documents, kind):
        return windows(question, documents, kind, limit=128)

    gives_states = True

    def run_with_states(self, window):
        ids = np.asarray(window.ids, dtype=np.float32)
        return ids, -ids, np.stack([ids, np.ones_like(ids)], axis=1) if self.gives_states else None


def test_a_text_is_one_document():
    layout = Layout(Tree(Unit("a"), Unit("b")))
    assert (layout.documents, layout.members, layout.titles) == (1, [[0, 1]], [""])
    assert layout.kind == "passage"


def test_sources_and_titles():
    layout = Layout(Tree(Unit("a"), Unit("b"), Unit("c"), sources=(0, 0, 2), titles=("T", "", "U"), kind="table"))
    assert (layout.sources, layout.members, layout.titles) == ([0, 2], [[0, 1], [2]], ["T", "U"])
    assert layout.kind == "table"


def test_headings_inside_sources():
    units = (Unit("H"), Unit("a", parent=0), Unit("b"), Unit("I"), Unit("c", parent=3))
    layout = Layout(Tree(*units, sources=(0, 0, 0, 1, 1), titles=("T",)))
    assert (layout.sources, layout.members, layout.titles) == ([0, 0, 1], [[1], [2], [4]], ["T / H", "T", "I"])


def test_trees_are_documents_and_parents_their_titles():
    layout = Layout(Tree(Unit("city"), Unit("name", parent=0), Unit("road"), Unit("width", parent=2), Unit("alone")))
    assert layout.places.tolist() == [0, 0, 1, 1, 2]
    assert layout.titles == ["city", "road", ""]
    assert layout.members == [[1], [3], [4]]
    assert layout.is_title.tolist() == [True, False, True, False, False]


def test_a_section_of_running_text_is_read_under_all_its_headings():
    units = (Unit("H"), Unit("a", parent=0), Unit("I", parent=0), Unit("b", parent=2), Unit("J", parent=0))
    layout = Layout(Tree(*units, Unit("c", parent=4), titles=("T",)))
    assert layout.titles == ["T / H", "T / H / I", "T / H / J"]
    assert layout.members == [[1], [3], [5]]
    # Of a page the whole tree is one document.
    page = Layout(Tree(*units, Unit("c", parent=4), kind="page"))
    assert (page.titles, page.members) == (["H / I / J"], [[1, 3, 5]])


def test_parents_in_a_circle_end():
    assert Layout(Tree(Unit("a", parent=1), Unit("b", parent=0))).documents == 2


def test_scores_are_means_over_tokens():
    context = Tree(Unit("ab"), Unit("c" * 300), Unit(""), sources=(0, 0, 1))
    layout = Layout(context)
    said = read(Lengths(), "q", context, layout)
    assert said.keep.tolist() == [97.5, 99.0, -np.inf]
    assert said.relevance[1] == -np.inf  # of the second source, which has no token
    assert said.relevance[0] == -(97 + 98 + 300 * 99) / 302


def test_likeness_is_the_cosine_of_mean_states():
    context = Tree(Unit("q"), Unit("aq"), Unit("a" * 300))
    likeness = read(Lengths(), "q", context, Layout(context)).likeness
    # A state is (id of the token, 1).
    asked, mixed = np.array([113.0, 1]), np.array([97.0 + 113, 2])
    assert likeness[0] == pytest.approx(1.0, abs=1e-6)
    assert likeness[1] == pytest.approx(asked @ mixed / np.linalg.norm(asked) / np.linalg.norm(mixed), abs=1e-6)
    # One that is cut over windows is like the question in each part alike.
    assert likeness[2] == pytest.approx((97 * 113 + 1) / np.hypot(97, 1) / np.hypot(113, 1), abs=1e-6)


def test_a_graph_without_states_says_no_likeness():
    model = Lengths()
    model.gives_states = False
    context = Tree(Unit("ab"), Unit("c"))
    said = read(model, "q", context, Layout(context))
    assert np.isnan(said.likeness).all()
    assert said.keep.tolist() == [97.5, 99.0]


def test_of_a_unit_of_any_length_the_beginning_is_read() -> None:
    class Counting(Lengths):
        read = 0

        def run_with_states(self, window):
            self.read += len(window.ids)
            return super().run_with_states(window)

    long = "".join(map(str, range(60_000)))
    model, context = Counting(), Tree(Unit(long), Unit("b"))
    said = read(model, "q", context, Layout(context))
    assert 16_384 < model.read < 20_000
    assert said.keep[0] == pytest.approx(np.mean([ord(letter) for letter in long[:16_384]]))
