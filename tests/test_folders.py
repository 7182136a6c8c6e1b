"""The cache folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.storage.folders import cache_folder


def test_the_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ctxprune"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    assert cache_folder() == tmp_path / "me" / ".cache" / "ctxprune"
    assert not (tmp_path / "me").exists()


def test_a_user_without_a_home_gets_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(UsageError, match="set XDG_CACHE_HOME"):
        cache_folder()
