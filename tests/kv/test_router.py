"""The router picks the best row that holds a deadline; all by numbers that can be followed."""

from __future__ import annotations

import json
from itertools import product

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from ctxprune.errors import BudgetError, InputError, UsageError
from ctxprune.kv import AdaKV, DecodeCost, Knorm, Measurement, Router, SnapKV

ROWS = (
    Measurement("snapkv.v1", 0.0, accuracy=0.9, bytes_ratio=1.0, press_ms=0, prefill_ms=100),
    Measurement("snapkv.v1", 0.5, accuracy=0.8, bytes_ratio=0.5, press_ms=10, prefill_ms=100),
    Measurement("knorm.v1", 0.75, accuracy=0.8, bytes_ratio=0.25, press_ms=2, prefill_ms=100),
    Measurement("knorm.v1", 0.9, accuracy=0.3, bytes_ratio=0.1, press_ms=2, prefill_ms=100, mode="aware"),
)
ROUTER = Router(ROWS, DecodeCost(base_ms=5, per_1k_ms=4), bytes_per_token=100)


def test_latency_is_reading_pressing_and_answering():
    # 2,000 tokens: 200 ms of reading; 50 new ones at 5 + 4 * kept / 1,000 ms
    takes = [ROUTER.predict(row, tokens=2000, new_tokens=50).latency_ms for row in ROWS]
    assert takes == pytest.approx([200 + 50 * 13, 220 + 50 * 9, 204 + 50 * 7, 204 + 50 * 5.8])
    assert [ROUTER.predict(row, tokens=2000, new_tokens=50).bytes for row in ROWS] == [200_000, 100_000, 50_000, 20_000]


def test_the_most_accurate_row_that_holds_is_taken():
    def picked(latency, **options):
        row = ROUTER.route(tokens=2000, new_tokens=50, latency_ms=latency, **options).row
        return row.press, row.ratio

    assert picked(850) == ("snapkv.v1", 0.0)
    assert picked(849) == ("knorm.v1", 0.75)  # as accurate as SnapKV at 0.5, in fewer bytes
    assert picked(500) == ("knorm.v1", 0.9)
    assert picked(850, bytes=199_999) == ("knorm.v1", 0.75)
    assert picked(10_000, bytes=20_000) == ("knorm.v1", 0.9)
    assert picked(10_000, mode="aware") == ("knorm.v1", 0.9)


def test_the_choice_builds_its_press():
    assert ROUTER.route(tokens=2000, new_tokens=50, latency_ms=849).build() == Knorm(0.75)
    assert ROUTER.route(tokens=2000, new_tokens=50, latency_ms=850).build() == SnapKV(0.0)


def test_an_infeasible_deadline_names_the_nearest_row():
    with pytest.raises(
        BudgetError, match=r"no measured press meets 400 ms: the nearest is knorm.v1 at ratio 0.9"
    ) as caught:
        ROUTER.route(tokens=2000, new_tokens=50, latency_ms=400)
    assert caught.value.nearest.row is ROWS[3]
    assert caught.value.nearest.latency_ms == pytest.approx(494)
    with pytest.raises(BudgetError, match=r"meets 600 ms and 10000 bytes: .* with 494 ms and 20000 bytes"):
        ROUTER.route(tokens=2000, new_tokens=50, latency_ms=600, bytes=10_000)
    with pytest.raises(BudgetError, match=r"nearest is knorm\.v1"):
        ROUTER.route(tokens=2000, new_tokens=50, latency_ms=0)


def test_a_looser_deadline_is_never_worse():
    last = -1.0
    for latency in range(494, 900, 7):
        choice = ROUTER.route(tokens=2000, new_tokens=50, latency_ms=latency)
        assert choice.latency_ms <= latency
        assert choice.row.accuracy >= last
        last = choice.row.accuracy


def test_a_document_is_read_as_its_rows(tmp_path):
    path, row = tmp_path / "document.json", json.loads(ROW % (0.0, "1", "1"))[0]
    rows = [{**row, "press": name, "ratio": ratio} for name, ratio in (("full", 0.0), ("adakv(snapkv)", 0.5))]
    path.write_text(json.dumps({"model": "a", "rows": rows}), encoding="utf-8")
    router = Router.read(path, tokens=1000, decode=DecodeCost(5))
    built = [router.predict(each, tokens=1000, new_tokens=1).build() for each in router.rows]
    assert built[0].ratio == 0.0
    assert built[1] == AdaKV(SnapKV(0.5))


def test_a_table_is_read_from_what_the_benchmark_writes(tmp_path):
    written = [
        {"press": "knorm.v1", "ratio": ratio, "mode": mode, "accuracy": 1 - ratio, "perplexity": 9.0,
         "bytes_ratio": 1 - ratio, "press_ms": 40.0, "prefill_ms": 800.0}
        for ratio, mode in product((0.5, 0.75), ("blind", "aware"))
    ]  # fmt: skip
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(written), encoding="utf-8")
    router = Router.read(path, tokens=4000, decode=DecodeCost(5))
    assert router.rows[0] == Measurement("knorm.v1", 0.5, 0.5, 0.5, press_ms=10.0, prefill_ms=200.0, mode="blind")
    choice = router.route(tokens=1000, new_tokens=10, latency_ms=260, mode="aware")
    assert (choice.row.mode, choice.latency_ms, choice.bytes) == ("aware", 260.0, None)


ROW = '[{"press": "a", "ratio": %s, "mode": "", "accuracy": %s, "bytes_ratio": 1, "press_ms": %s, "prefill_ms": 1}]'


def test_rows_of_quantised_caches_are_passed_over(tmp_path):
    path = tmp_path / "rows.json"
    row = json.loads(ROW % (0.5, "1", "1"))[0]
    path.write_text(json.dumps([{**row, "storage": "kivi4"}, {**row, "storage": "plain"}]), encoding="utf-8")
    assert len(Router.read(path, tokens=1000, decode=DecodeCost(5)).rows) == 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{}", InputError, "not a list of rows"),
        ("[{]", InputError, "cannot be read"),
        ('[{"press": "knorm.v1"}]', InputError, "row 0 has no usable 'accuracy'"),
        ("[3]", InputError, "row 0"),
        ("[]", UsageError, "no rows"),
        (ROW % (2, "1", "1"), UsageError, "ratio is 2"),
        (ROW % (0, "NaN", "1"), UsageError, "accuracy is nan"),
        (ROW % (0, "1", '"1"'), InputError, "row 0"),
        (ROW % (0, "1", "null"), InputError, "row 0 has no usable 'press_ms'"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, text, error, message):
    path = tmp_path / "rows.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        Router.read(path, tokens=1000, decode=DecodeCost(5))


def test_bad_questions_are_refused():
    with pytest.raises(UsageError, match="no row has the mode 'loud'"):
        ROUTER.route(tokens=1, new_tokens=1, latency_ms=1, mode="loud")
    with pytest.raises(UsageError, match="tokens is 0"):
        ROUTER.route(tokens=0, new_tokens=1, latency_ms=1)
    with pytest.raises(UsageError, match="latency_ms is -1"):
        ROUTER.route(tokens=1, new_tokens=1, latency_ms=-1)
    with pytest.raises(UsageError, match="does not know the bytes"):
        Router(ROWS, DecodeCost(1)).route(tokens=1, new_tokens=1, latency_ms=1, bytes=5)
    with pytest.raises(UsageError, match="base_ms is -1"):
        DecodeCost(-1)
    with pytest.raises(InputError, match="cannot be read"):
        Router.read("no such file", tokens=1, decode=DecodeCost(1))
