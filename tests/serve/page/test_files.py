"""The files of the page: how they are served, and what they may not do."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from ctxprune.utils.page import whole_stylesheet

FOLDER = files("ctxprune.serve.page")
HEAD = "head.html"
STYLE = "style.css"  # of all our pages, and not of this folder
NAMES = sorted(
    [STYLE]
    + [entry.name for entry in FOLDER.iterdir() if entry.name.endswith((".css", ".html", ".js")) and entry.name != HEAD]
)
UNSAFE = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|localStorage|sessionStorage|cookie"
)


def text_of(name: str) -> str:
    """A file as it is served: pages with the head that they share."""
    if name == STYLE:
        return whole_stylesheet()
    return (FOLDER / name).read_text(encoding="utf-8").replace(f"<!-- {HEAD} -->\n", (FOLDER / HEAD).read_text("utf-8"))


def test_the_page_needs_no_key_and_sets_its_policy(client: Any) -> None:
    reply = client.get("/", key="")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_served_with_its_type(client: Any, name: str) -> None:
    reply = client.get(f"/page/{name}", key="")
    kind = {"css": "text/css", "html": "text/html", "js": "text/javascript"}[name.rpartition(".")[2]]
    assert reply.headers["content-type"] == f"{kind}; charset=utf-8"
    assert "content-security-policy" in reply.headers
    assert reply.text == text_of(name)


@pytest.mark.parametrize("name", ["__init__.py", HEAD, "no.js", "..%2fapp.py", "%2e%2e/app.py"])
def test_nothing_else_is_served(client: Any, name: str) -> None:
    assert client.get(f"/page/{name}", key="").status_code == 404


def test_the_reference_is_served_under_the_same_policy(client: Any) -> None:
    reply = client.get("/docs", key="")
    assert reply.text == text_of("docs.html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_the_page_names_files_that_exist_and_nothing_inline(page: str) -> None:
    text = text_of(page)
    assert "<!-- head" not in text
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n')
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    named = re.findall(r'(?:src|href)="page/([^"]+)"', text)
    assert set(named) <= set(NAMES)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)", text)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_scripts_use_nothing_that_makes_markup_of_text_or_stores_keys(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(UNSAFE, text)
    assert len(text.splitlines()) < 400
    for imported in re.findall(r'from "\./([^"]+)"', text):
        assert imported in NAMES
