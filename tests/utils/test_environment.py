"""Secrets from variables and from files that variables name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.utils.environment import read_secret


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"hunter2", "hunter2"), (b"hunter2\n", "hunter2"), (b"hunter2\r\n", "hunter2"), (b" a \n\n", " a \n"), (b"", "")],
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
    [(b"hunter2" * 10_000, "larger than 65536 bytes"), (b"hunter2\xff", "no UTF-8"), (None, "cannot be read")],
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


def test_a_variable_and_a_file_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="both KEY and KEY_FILE are set"):
        read_secret("KEY", {"KEY": "a", "KEY_FILE": str(tmp_path)})
