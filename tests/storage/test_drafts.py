"""Files that appear whole or not at all, with the mode and the link of what they replace."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ctxprune.storage.drafts import draft_of


def test_mode_and_link_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "x.bin", tmp_path / "a.json"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    with draft_of(link) as draft:
        assert draft.name.endswith("a.json")
        assert draft.stat().st_mode & 0o077 == 0
        draft.write_text("new")
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new", 0o600)
    assert [path.name for path in real.parent.iterdir()] == ["x.bin"]


def test_an_error_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")

    def stop(draft: Path) -> None:
        draft.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), draft_of(target) as draft:
        stop(draft)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_name_of_many_bytes_is_no_obstacle(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 120 + ".json")  # 245 bytes; most file systems take 255
    with draft_of(target) as draft:
        assert draft.name.endswith("é.json")
        draft.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_threads_do_not_share_a_draft(tmp_path: Path) -> None:
    target, errors = tmp_path / "a.json", []

    def write(text: str) -> None:
        try:
            for _ in range(20):
                with draft_of(target) as draft:
                    draft.write_text(text)
                assert target.read_text() in ("a" * 1000, "b" * 1000)
        except (OSError, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter * 1000,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
