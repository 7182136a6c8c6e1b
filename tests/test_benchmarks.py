"""Parts of the benchmarks that could go wrong unseen."""

from __future__ import annotations

import importlib
import itertools
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune.calibration.keep_sets import KeepSets
from ctxprune.policies import Adaptive, Threshold
from ctxprune.pruning.pruner import Pruner
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.sentence_sets import Document

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def load(name: str) -> ModuleType:
    """A module of the benchmarks."""
    return importlib.import_module(name)


def test_no_folder_outside_the_checkout_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    short = load("benchmarks.common.record")._short
    outside = tmp_path / "deep" / "model.onnx"
    outside.parent.mkdir()
    outside.touch()
    assert short(str(outside)) == "model.onnx"
    assert short(f"--python={outside}") == "--python=model.onnx"
    monkeypatch.chdir(outside.parent.parent)
    assert short("deep/model.onnx") == "model.onnx"
    assert short("../somewhere/else.sqlite") == "else.sqlite"
    assert short(str(FOLDER / "quality" / "passages.py")) == "benchmarks/quality/passages.py"
    assert [short(word) for word in ("--limit", "100", "wikiqa,qed", "chat:a/b")] == [
        "--limit",
        "100",
        "wikiqa,qed",
        "chat:a/b",
    ]
    assert short("peer=" + str(Path.home())) == f"peer={Path.home().name}"


def test_a_finished_row_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parts = load("benchmarks.common.parts")
    monkeypatch.setattr(parts, "RESULTS", tmp_path)
    made: list[str] = []

    def make() -> dict[str, float]:
        made.append("")
        return {"recall": float(len(made))}

    assert parts.Parts("x").row("a", ("data", 1), make) == {"recall": 1.0}
    file = tmp_path / "x.part.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + '{"key": "cut', encoding="utf-8")
    again = parts.Parts("x")
    assert again.row("a", ("data", 1), make) == {"recall": 1.0}
    assert again.row("a", ("data", 2), make) == {"recall": 2.0}
    assert parts.Parts("x").row("a", ("data", 2), make) == {"recall": 2.0}
    assert parts.Parts("x", keep=False).row("a", ("data", 2), make) == {"recall": 3.0}


@pytest.fixture(scope="module")
def figure():
    """The module that draws; imported before the clock of a property test runs."""
    return load("benchmarks.report._figure")


places = st.lists(st.floats(0, 100), min_size=1, max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=places)
def test_labels_stand_apart_in_their_order(figure, wanted: list[float]):
    found = figure.spread_labels(wanted, 8, 0, 100)
    ranks = sorted(range(len(wanted)), key=lambda index: wanted[index])
    steps = [found[later] - found[sooner] for sooner, later in itertools.pairwise(ranks)]
    assert all(step > 8 - 1e-6 for step in steps)
    assert min(found) > -1e-6
    assert max(found) < 100 + 1e-6


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(marks=st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), max_size=3))
def test_labels_beside_their_marks_stay_inside_and_off_what_is_taken(figure, marks: list[tuple[float, float]]):
    frame, taken = figure.Box(0, 0, 300, 300), [figure.Box(x - 5, y - 5, 10, 10) for x, y in marks[:1]]
    boxes = figure.place_labels(marks, [(30, 10)] * len(marks), taken, frame)
    assert all(box.overlap(frame) > 30 * 10 - 1e-6 for box in boxes)
    # Candidates are compared in thousandths of a square unit.
    assert all(one.overlap(other) < 1e-3 for one, other in itertools.combinations([*taken, *boxes], 2))


def frontier_row(recipe: str, speed: float, recall: float, keep: float = 0.5) -> dict[str, object]:
    return {"recipe": recipe, "keep": keep, "ms": 300 / speed, "speed_against_float32": speed, "bytes": 9e6,
            "recall": {"mean": recall, "qed": recall}}  # fmt: skip


def test_the_frontier_has_the_best_of_each_target_by_name_and_shows_who_lost(figure):
    frontier = load("benchmarks.report._frontier")
    rows = [
        frontier_row("random", 5, 50), frontier_row("distilled_scratch", 5, 60), frontier_row("best", 5, 70),
        frontier_row("under_scratch", 5.2, 55), frontier_row("under_random", 4.8, 45),
        frontier_row("fast", 9, 65, 0.3), frontier_row("below_the_hull", 8, 64, 0.3),
        {"recipe": "did_not_fit", "keep": 0.3, "error": "no"},
        frontier_row("random", 9, 40, 0.3), frontier_row("distilled_scratch", 9, 45, 0.3),
    ]  # fmt: skip
    lost = {"random at 0.5": ["under_random"], "distilled_scratch at 0.5": ["under_random", "under_scratch"]}
    figures = {
        "unshrunk": frontier_row("", 3, 78), "steps": 60, "items_of_a_set": 30, "rows": rows, "lost_to": lost,
        "finished": {"small.v2": frontier_row("", 10, 76)},
    }  # fmt: skip
    assert [frontier.standing(figures)(row) for row in rows[:7]] == [3, 3, 0, 1, 2, 0, 0]
    assert [row["recipe"] for row in frontier.hull(rows[2:7])] == ["best", "fast"]
    drawn = frontier.draw_frontier(figures, figure.LIGHT)
    for name in ("best", "fast", "small.v2", "unshrunk, int8"):
        assert f">{name}</text>" in drawn
    assert "under_" not in drawn
    assert marks(drawn, "fill", figure.LIGHT.colours[1]) == 1 + 1  # the best recipe's dot, and the legend's
    assert marks(drawn, "stroke", figure.LIGHT.colours[1]) == 2 + 1 + 1  # two rivals, a ring, a cross
    assert drawn == frontier.draw_frontier(figures, figure.LIGHT)
    assert drawn != frontier.draw_frontier(figures, figure.DARK)
    # a rival that was not measured at each target is not drawn, and no mark speaks of it
    figures["rows"] = rows[:-1]
    drawn = frontier.draw_frontier(figures, figure.LIGHT)
    assert marks(drawn, "stroke", figure.LIGHT.colours[1]) == 1 + 1
    assert "better than random removal" in drawn
    assert "scratch" not in drawn


def marks(drawn: str, style: str, colour: str) -> int:
    """Marks of that colour; curves and lines are paths of their own, marks are used by reference."""
    return len(re.findall(rf'<use [^>]*{style}: {colour}[";]', drawn))


def test_the_frontiers_table_has_the_best_the_rivals_and_who_lost(monkeypatch: pytest.MonkeyPatch):
    shrunk = load("benchmarks.report._shrunk")
    names = ["random", "distilled_scratch", "a", "b", "c", "d"]
    rows = [frontier_row(name, 5, 50 + place) for place, name in enumerate(names)]
    figures = {
        "unshrunk": frontier_row("", 3, 78), "steps": 60, "items_of_a_set": 30,
        "rows": [*rows, {"recipe": "e", "keep": 0.5, "error": "no"}], "finished": {},
        "lost_to": {"random at 0.5": [], "distilled_scratch at 0.5": ["random", "a"]},
    }  # fmt: skip
    monkeypatch.setattr(shrunk, "read", lambda name: {"figures": figures})
    lines = shrunk.frontier().splitlines()
    kinds = [line.split(" | ")[1] for line in lines[2:8]]
    assert kinds == ["unshrunk", "`d`", "`c`", "`b`", "training from scratch", "random removal"]
    assert lines[3] == "| 50 % | `d` | 55.0 | 23.0 | 5.0 | 9.0 |"
    assert "No better than random removal: none." in lines
    assert "No better than training from scratch: at 50 % random removal, `a`." in lines
    assert "Out of reach: at 50 % `e`." in lines


def test_losses_by_target_are_of_recipes_with_several_and_say_what_whole_layers_miss(monkeypatch: pytest.MonkeyPatch):
    shrunk = load("benchmarks.report._shrunk")

    def row(recipe: str, keep: float, loss: float, **more: object) -> dict[str, object]:
        own = {"recipe": recipe, "target": f"latency={keep:g}", "seed": 0, "steps": 0, "calibration": 16, "pool": 9}
        own |= {"status": "done", "loss": loss, "dev": loss, "interval": [loss - 1, loss + 1], "time_left": keep}
        return own | more

    rows = [
        row("a", 0.5, 2.0),
        row("a", 0.75, 1.0, time_left=0.667),
        row("b", 0.75, 0.5),
        row("b", 0.5, 1.5, steps=200),
        row("alone", 0.5, 0.0),
    ]
    monkeypatch.setattr(shrunk, "read", lambda name: {"figures": {"rows": rows}})
    lines = shrunk.targets().splitlines()
    assert lines[0] == "| recipe | 75 % of the time | 50 % of the time |"
    assert lines[2] == "| `b` | 0.5 (-0.5 to 1.5) | 1.5 (0.5 to 2.5) [200 steps] |"
    assert lines[3] == "| `a` | 1.0 (0.0 to 2.0) [67 % left] | 2.0 (1.0 to 3.0) |"
    assert "alone" not in "".join(lines)


@pytest.mark.parametrize(
    ("measure", "policy"),
    [("score.v1", Threshold), ("relative.v1", Adaptive)],
)
def test_a_limit_keeps_what_the_pruner_keeps(measure: str, policy):
    adaptive = load("benchmarks.studies.adaptive")
    texts = ("the red house", "a blue barn of old wood", "a red barn", "nothing at all here", "the end")
    context = DocumentsContext([Document("", texts, (True, False, True, False, False))])
    scores = np.asarray([0.5, 0.25, 0.75, 0.0, 0.25], dtype=np.float32)
    one = adaptive.Scored(
        scores.astype(float), np.asarray([3, 6, 3, 4, 2]), np.asarray(context.labels), texts, ("red house",), False
    )
    ranked = adaptive.ranked(one, KeepSets(measure).levels(scores))
    for limit in (0.0, 0.25, 0.3, 0.5, 0.6, 0.75, 1.0):
        kept = Pruner(policy=policy(limit), counter=lambda text: len(text.split())).prune_scored(
            "red?", context, scores
        )
        removed, evidence = ranked.at(limit)
        mask = np.asarray([unit.kept for unit in kept.units])
        assert removed == pytest.approx(1 - one.tokens[mask].sum() / one.tokens.sum())
        assert evidence == one.labels[mask].mean() * mask.sum() / 2
        assert (ranked.last >= limit) == ("the red house" in kept.output)


def test_the_order_of_a_peer_is_read_out_of_what_it_keeps():
    source = (FOLDER / "peers" / "headroom_peer.py").read_text(encoding="utf-8")
    start, end = source.index("def kept_shares"), source.index("def write")
    names: dict[str, object] = {}
    exec(source[start:end], names)
    sentences = ["One house.", "Two, e.g. red ones.", "One house."]
    shares = names["kept_shares"](sentences, "\n".join(sentences), "Two, e.g.\nOne house.")
    assert shares == [0.0, pytest.approx(9 / 19), 1.0]


def test_the_picture_of_trust_names_each_curve_that_has_points():
    figure, picture = load("benchmarks.report._figure"), load("benchmarks.report._trust_picture")
    points = [
        {"confidence": 0.9, "coverage": 40.0, "right": 95.0},
        {"confidence": 0.2, "coverage": 80.0, "right": 70.0},
    ]
    figures = {"sets": {"spider": {"curve": points}, "ehrsql": {"curve": []}}, "all": {"curve": points[:1]}}
    drawn = picture.draw_trust(figures, figure.LIGHT)
    assert "Spider dev" in drawn
    assert "all, with EHRSQL" in drawn
    assert ">sql-eval<" not in drawn
    assert drawn == picture.draw_trust(figures, figure.LIGHT)


def test_the_linear_ranker_has_the_least_loss():
    """No small change of a weight lowers the loss, which is written out here question by question."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(40), rng.integers(1, 5, size=40))
    rows = rng.normal(size=(len(owner), 3))
    right = (rows[:, 0] + rng.normal(size=len(owner)) > 0.5).astype(float)
    weights, decay = rng.uniform(0.5, 2, size=40), 0.05
    network = load("benchmarks.common.ranking_network").fit_linear(rows, owner, right, weights, decay=decay)

    def loss(out: np.ndarray, bias: float) -> float:
        total = 0.0
        for question, weight in enumerate(weights / weights.sum()):
            mine = owner == question
            raw = np.exp((rows[mine] - network.mean) / network.scale @ out + bias)
            total -= weight * np.log((raw[right[mine] > 0].sum() if right[mine].any() else 1) / (1 + raw.sum()))
        return total + decay / 2 * float(out @ out)

    least = loss(network.out, network.bias)
    for place in range(3):
        for step in (-0.02, 0.02):
            assert loss(network.out + step * np.eye(3)[place], network.bias) > least
    assert min(loss(network.out, network.bias + step) for step in (-0.02, 0.02)) > least
    assert network.out[0] > 5 * abs(network.out[1])
