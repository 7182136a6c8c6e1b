"""The licence, base model and purpose of a model folder, from its card, its manifest or its configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNKNOWN", "Card", "read_card"]

UNKNOWN = "unknown"
_CARDS = ("MODEL_CARD.md", "README.md")
_FRONT = re.compile(r"\A\ufeff?---\r?\n(.*?\n)---\r?\n", re.DOTALL)  # of Hugging Face's cards


@dataclass(frozen=True, slots=True)
class Card:
    """What a model folder says about itself.

    Attributes:
        licence: Of the weights, in the folder's own words; `UNKNOWN` where nothing says it.
        base: What the model was made from, by the same rule.
        source: Name of the model; of a shrunk one that of the model before it was ever shrunk.
        purpose: First sentence of the card; "" where there is none.
    """

    licence: str = UNKNOWN
    base: str = UNKNOWN
    source: str = UNKNOWN
    purpose: str = ""


def read_card(folder: str | Path) -> Card:
    """The card of a model folder; files that are missing or damaged are skipped.

    Read are, in this order: `shrunk.json`, the front matter of MODEL_CARD.md or README.md, lines of its text that say
    "licence: …" and "base model: …", `manifest.json` and `config.json`. A base model that is a path is ignored.
    """
    place = Path(folder)
    shrunk, manifest, config = (_read_json(place / name) for name in ("shrunk.json", "manifest.json", "config.json"))
    texts = [place / name for name in _CARDS if (place / name).is_file()]
    text = texts[0].read_text(encoding="utf-8", errors="replace") if texts else ""
    front = _FRONT.match(text)
    head, body = (front[1], text[front.end() :]) if front else ("", text)
    named = _find_entry(head, "license")
    # In order of trust: what our own tools wrote, then front matter, then prose.
    licences = [shrunk.get("licence"), _find_entry(head, "license_name") if named == "other" else "", named]
    licences += [_find_line(body, r"licen[cs]e[^:\n]*", r".+"), manifest.get("licence"), config.get("license")]
    bases = [shrunk.get("base_model"), _find_entry(head, "base_model"), _find_line(body, "base model", r"[^(,;\n]+")]
    bases += [manifest.get("base_model"), config.get("_name_or_path")]
    name = str(manifest.get("name") or place.resolve().name).removesuffix("-shrunk")
    base = _first_known([entry for entry in bases if not _is_path(entry)])
    return Card(_first_known(licences), base, str(shrunk.get("source") or name), _find_purpose(body))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _find_entry(head: str, name: str) -> str:
    """A value of the front matter; of a list the first one."""
    found = re.search(rf"^{name}:[ \t]*(?:\r?\n[ \t]*-[ \t]*)?([^\r\n]*)", head, re.MULTILINE)
    return found[1].strip().strip("\"'[]").split(",")[0].strip("\"' ") if found else ""


def _find_line(body: str, name: str, value: str) -> str:
    found = re.search(rf"^(?:[-*] )?{name}: *({value})", body, re.MULTILINE | re.IGNORECASE)
    return found[1].strip() if found else ""


def _first_known(values: Sequence[Any]) -> str:
    found = (value.strip() for value in values if isinstance(value, str))
    return next((value for value in found if value not in ("", UNKNOWN)), UNKNOWN)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and (value.startswith(("/", ".", "~", "\\")) or "\\" in value or value[1:2] == ":")


def _find_purpose(body: str) -> str:
    """The first sentence that is neither heading nor code."""
    text = re.sub(r"^```.*?^```|^#.*?$", "\n\n", body, flags=re.DOTALL | re.MULTILINE)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\r?\n\s*\n", text)]
    return re.split(r"(?<=[.!?]) ", next(filter(None, paragraphs), ""), maxsplit=1)[0]
