"""Secrets from variables and from files that variables name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.utils.environment import read_secret


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"\xef\xbb\xbfhunter2\n", "hunter2"),
        ("p ä ß".encode(), "p ä ß"),
    ],
)
def test_a_file_holds_the_value(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert read_secret("KEY", {"KEY_FILE": str(tmp_path / "secret")}) == value
    assert read_secret("KEY", {"KEY": "", "KEY_FILE": str(tmp_path / "secret")}) == value


def test_a_variable_comes_as_it_is() -> None:
    assert read_secret("KEY", {"KEY": "hunter2\n"}) == "hunter2\n"
    assert read_secret("KEY", {"KEY": "hunter2", "KEY_FILE": ""}) == "hunter2"
    assert read_secret("KEY", {}) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hunter2" * 10_000, "larger than 65536 bytes"),
        (b"hunter2\xff", "no UTF-8"),
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"hunter2\n\n", "several lines"),
        (b"hunter2\nhunter3", "several lines"),
        (b"hunter2\0", "control characters"),
        ("hunter2\u2028a".encode(), "several lines"),
        (b" hunter2", "blank"),
        (b"hunter2 \n", "blank"),
        ("hunter2\u00a0".encode(), "blank"),
    ],
)
def test_what_is_refused_is_not_told(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=reason) as raised:
        read_secret("KEY", {"KEY_FILE": str(path)})
    assert "KEY_FILE" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("path", ["/", "a\0b", "/dev/zero"])
def test_what_is_no_file(path: str) -> None:
    with pytest.raises(UsageError, match="KEY_FILE"):
        read_secret("KEY", {"KEY_FILE": path})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading, writing = os.pipe()
    try:
        for path in (str(tmp_path / "pipe"), f"/dev/fd/{reading}"):
            with pytest.raises(UsageError, match="no regular file"):
                read_secret("KEY", {"KEY_FILE": path})
    finally:
        os.close(reading)
        os.close(writing)


def test_a_path_is_never_taken_for_a_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="KEY_FILE names a file") as raised:
        read_secret("KEY_FILE", {"KEY_FILE": str(tmp_path)})
    assert "write KEY without _FILE" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_variable_and_a_file_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="both KEY and KEY_FILE are set"):
        read_secret("KEY", {"KEY": "a", "KEY_FILE": str(tmp_path)})
