"""Saved calibrations: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Calibration
from ctxprune.calibration.stored import _checksum
from ctxprune.errors import CtxpruneError, FormatError, InputError
from ctxprune.policies import Threshold
from ctxprune.utils.fingerprint import Identity, identity

SHARES = st.floats(0, 1)
SOME = Calibration(
    limit=0.1 + 0.2, risk=0.02, bound=0.019, loss="strict", by="question", confidence=None, seen=0.018, left_out=0.03,
    n=500, groups=20, kept_share=0.4, measure="size.v1", scorer=Identity("module:Class", "0" * 16),
    closure=identity(Threshold()), data="f" * 16,
)  # fmt: skip


def signed(**changes) -> dict:
    """A document with changes and a checksum that fits it."""
    document = {key: value for key, value in SOME.to_dict().items() if key != "checksum"} | changes
    return {**document, "checksum": _checksum(document)}


@given(
    limit=st.floats(allow_nan=False, allow_infinity=False), bound=SHARES, confidence=st.none() | SHARES, name=st.text()
)
def test_round_trip(limit: float, bound: float, confidence: float | None, name: str) -> None:
    one = replace(
        SOME, limit=limit, bound=bound, confidence=confidence, scorer=Identity(name, "1"), left_out=confidence
    )
    assert Calibration.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    SOME.save(path)
    assert Calibration.load(path) == SOME
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.json"]
    data = json.loads(path.read_text("utf-8"))
    assert (data["format"], data["version"]) == ("ctxprune.calibration", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON|damaged"),
        (b"null", "not a calibration"),
        (b"[]", "not a calibration"),
        (b'{"format": "ctxprune.schema", "version": 1}', "not a calibration"),
        (b'{"format": "ctxprune.calibration"}', "has version None, this library reads version 1"),
        (b'{"format": "ctxprune.calibration", "version": 2}', "has version 2"),
        (b'{"format": "ctxprune.calibration", "version": 1}', "damaged"),
        (b'{"format": "ctxprune.calibration", "version": 1' + b"9" * 5000 + b"}", "no JSON|version"),
        (b" " * (1 << 20) + b"{}", "too large"),
        (b"\x80\x04\x95", "no JSON"),
    ],
)
def test_foreign_newer_and_broken_files(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        Calibration.load(path)


def test_every_cut_and_every_changed_character_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    SOME.save(path)
    text = path.read_text("utf-8")
    for place in range(0, len(text.rstrip()), 7):
        path.write_text(text[:place], encoding="utf-8")
        with pytest.raises(FormatError):
            Calibration.load(path)
        changed = "7" if text[place] != "7" else "8"
        path.write_text(text[:place] + changed + text[place + 1 :], encoding="utf-8")
        try:
            assert Calibration.load(path) == SOME  # white space, or digits beyond a float's
        except FormatError:
            continue


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": float("nan")},
        {"limit": float("inf")},
        {"limit": "0.5"},
        {"limit": None},
        {"limit": 10**400},
        {"risk": -0.1},
        {"bound": 1.5},
        {"confidence": "high"},
        {"left_out": []},
        {"loss": "f1"},
        {"by": "database"},
        {"n": -1},
        {"n": 2.5},
        {"groups": True},
        {"measure": 3},
        {"data": None},
        {"scorer": None},
        {"scorer": {}},
        {"scorer": {"name": "a", "digest": 1}},
        {"closure": {"name": "a", "digest": "b", "more": 1}},
        {"closure": []},
    ],
)
def test_signed_nonsense_is_refused(changes: dict) -> None:
    with pytest.raises(FormatError, match="damaged"):
        Calibration.from_dict(signed(**changes))


def test_missing_fields_are_refused() -> None:
    for name in SOME.to_dict():
        document = {key: value for key, value in signed().items() if key not in (name, "checksum")}
        with pytest.raises(FormatError):
            Calibration.from_dict({**document, "checksum": _checksum(document)} if name != "checksum" else document)


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_refused_with_our_error(document) -> None:
    with pytest.raises(CtxpruneError):
        Calibration.from_dict(document)


def test_threads_that_save_to_one_file(tmp_path: Path) -> None:
    """They shared the name of the draft: a save failed, or published what another thread had half written."""
    path, made = tmp_path / "c.json", Calibration.from_dict(signed())
    large = [replace(made, limit=float(k), data="x" * 200_000) for k in range(4)]
    large[0].save(path)

    def save_and_load(one: Calibration) -> list[Calibration]:
        found = []
        for _ in range(20):
            one.save(path)
            found.append(Calibration.load(path))
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(found in large for some in pool.map(save_and_load, large) for found in some)
    assert [one.name for one in tmp_path.iterdir()] == ["c.json"]


def test_unreadable_and_unwritable_files(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path, "nul\0byte"):
        with pytest.raises(InputError, match="cannot be read"):
            Calibration.load(path)
    for path in (tmp_path / "absent" / "file.json", tmp_path, "nul\0byte"):
        with pytest.raises(InputError, match="cannot be written"):
            SOME.save(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({}, "questions like these lose a needed unit on at most 1.90% of questions, on average over calibrations"),
        ({"loss": "recall", "confidence": 0.9}, "lose at most 1.90% of the needed units, with confidence 0.9"),
        ({"by": "group"}, "questions of groups not seen before"),
    ],
)
def test_promises(changes: dict, promise: str) -> None:
    assert promise in replace(SOME, **changes).promise
