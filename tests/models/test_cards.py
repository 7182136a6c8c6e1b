"""What folders say of licence and base model, and what nobody says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.models.cards import UNKNOWN, Card, read_card
from ctxprune.models.pruner import bundled, read_manifest

CARDS = [
    ("---\nlanguage: en\nlicense: apache-2.0\nbase_model: a/b\n---\n# Name\n\nRanks. Well.\n", "apache-2.0", "a/b"),
    ('---\r\nlicense: "mit"\r\nbase_model:\r\n- a/b\r\n- c/d\r\n---\r\n# Name\r\n\r\nRanks. Well.\r\n', "mit", "a/b"),
    ("---\nbase_model: [a/b, c/d]\nlicense: other\nlicense_name: own-1\n---\nRanks. Well.\n", "own-1", "a/b"),
    ("---\nlicense: other\n---\nRanks.\n", "other", UNKNOWN),
    ("# Name\n\nRanks.\n\n- base model: a (of b)\n- licence of these weights: CC0\n", "CC0", "a"),
    ("---\nlicense:\nbase_model:\ntags: []\n---\n\nRanks.\n", UNKNOWN, UNKNOWN),
    ("Ranks.", UNKNOWN, UNKNOWN),
    ("# Name\nRanks. Well.\n## More\n", UNKNOWN, UNKNOWN),
    ("# Name\n\n```\npip install it\n\nimport it\n```\n\nRanks. Well.\n", UNKNOWN, UNKNOWN),
]


@pytest.mark.parametrize(("text", "licence", "base"), CARDS)
def test_cards(text: str, licence: str, base: str, tmp_path: Path):
    (tmp_path / "README.md").write_bytes(text.encode())
    assert read_card(tmp_path) == Card(licence, base, tmp_path.name, "Ranks.")


def test_other_files(tmp_path: Path):
    place = tmp_path / "mine"
    place.mkdir()
    assert read_card(place) == Card(UNKNOWN, UNKNOWN, "mine", "")
    assert read_card(tmp_path / "none").licence == UNKNOWN
    (place / "config.json").write_text('{"_name_or_path": "a/b", "license": "mit"}', encoding="utf-8")
    assert read_card(place) == Card("mit", "a/b", "mine", "")
    for path in ("/home/me/model", "./model", "C:\\model", "~/model"):
        (place / "config.json").write_text(json.dumps({"_name_or_path": path}), encoding="utf-8")
        assert read_card(place).base == UNKNOWN
    (place / "config.json").write_text("[", encoding="utf-8")
    (place / "manifest.json").write_text('{"name": "mine.v1-shrunk", "licence": "CC0"}', encoding="utf-8")
    assert read_card(place) == Card("CC0", UNKNOWN, "mine.v1", "")
    said = {"licence": "apache-2.0", "base_model": "c/d", "source": "full"}
    (place / "shrunk.json").write_text(json.dumps(said), encoding="utf-8")
    (place / "README.md").write_text("---\nlicense: mit\n---\n# Not\n", encoding="utf-8")
    assert read_card(place) == Card("apache-2.0", "c/d", "full", "")
    (place / "shrunk.json").write_text(json.dumps({**said, "licence": UNKNOWN}), encoding="utf-8")
    assert read_card(place).licence == "mit"  # whoever knows it writes it into the card


def test_the_bundled_one():
    card = read_card(bundled())
    assert (card.licence, card.base) == ("Apache-2.0", "all-MiniLM-L6-v2")
    assert card.source == read_manifest(bundled()).name
    assert card.purpose.startswith("One encoder that reads a question")
