"""The files beside a model's weights, taken over from the folder it came from: tokenizer, pooling, settings, terms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ctxprune.errors import FormatError
from ctxprune.shrink.io.loaded import Loaded, read_json, read_tokenizer
from ctxprune.shrink.io.manifest import MANIFEST

_OURS = frozenset({"config.json", "model.safetensors.index.json", "report.json", MANIFEST})
_COMPANIONS = frozenset({".json", ".txt", ".model", ".jinja"})
_LISTS = ("bad_words_ids", "begin_suppress_tokens", "suppress_tokens")  # of ids, in generation_config.json
_TERMS = ("LICENCE", "LICENSE", "NOTICE")


def copy_companions(loaded: Loaded, part: Path) -> None:
    """Copy tokenizer, pooling and settings of the folder that a model came from; they follow a smaller vocabulary.

    A `FormatError` where a file that names ids is damaged; an `OSError` where one cannot be read or written.
    """
    for entry in companion_files(loaded.folder, loaded.inside):
        target = part / entry.relative_to(loaded.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry, target)
    place, tokenizer = part / loaded.inside, loaded.form.tokenizer
    old = read_tokenizer(loaded.folder / loaded.inside / "tokenizer.json").get_vocab()
    (place / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")  # whose errors are typed
    if (new := tokenizer.get_vocab()) != old:
        _write_vocabulary(json.loads(tokenizer.to_str())["model"], place)
        _renumber(place, {number: new[name] for name, number in old.items() if name in new}, new)


def companion_files(folder: Path, inside: str) -> list[Path]:
    """The files that go with a model's weights, which are in `inside`; what lies outside of the folder is refused."""
    found = []
    for path in dict.fromkeys(["", inside, *module_folders(folder)]):
        for entry in sorted((folder / path).glob("*")):  # of a module without settings there may be no folder
            if (
                entry.is_file()
                and (entry.suffix in _COMPANIONS or entry.name.upper().startswith(_TERMS))
                and (entry.name not in _OURS or path not in ("", inside))
            ):
                _check_inside(folder, entry)
                found.append(entry)
    return found


def _check_inside(folder: Path, path: Path) -> None:
    # what a link takes in from elsewhere would be copied into the smaller model's folder, and be given away with it
    real, home = path.resolve(), folder.resolve()
    # the cache of Hugging Face links to files beside its folders of snapshots
    cache = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if not real.is_relative_to(home) and not real.is_relative_to(cache):
        raise FormatError("a link leads out of the model's folder", where=str(path), hint="put the file itself there")


def follow_ids(value: Any, places: Mapping[int, int]) -> Any:
    """An id, or a list of some, as pieces are numbered now; None, or left out, where the piece is gone."""
    if isinstance(value, list):
        return [found for entry in value if (found := follow_ids(entry, places)) is not None]
    return places.get(value)


def module_folders(folder: Path) -> list[str]:
    """The folders of the modules that sentence-transformers lists, the encoder's first; none where there is no list."""
    listed = folder / "modules.json"
    try:
        modules = read_json(listed) if listed.is_file() else []
        paths = [str(entry.get("path", "")) for entry in modules]
    except (AttributeError, TypeError) as error:
        raise FormatError("this is no list of modules", where=str(listed)) from error
    # a path in a file must not lead out of the model's folder
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in paths):
        raise FormatError("a module lies outside of the model's folder", where=str(listed))
    return paths


def _write_vocabulary(model: Mapping[str, Any], place: Path) -> None:
    """The vocabulary in the other forms that are there; of SentencePiece's own there is none for fewer pieces."""
    for path in place.glob("*.model"):
        path.unlink()
    vocabulary = model["vocab"]
    forms = {
        "vocab.txt": "".join(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.__getitem__)),
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False),
        "merges.txt": "".join(f"{' '.join(pair)}\n" for pair in model.get("merges", ())),
    } if isinstance(vocabulary, dict) else {}  # fmt: skip
    for name in ("vocab.txt", "vocab.json", "merges.txt"):
        if (path := place / name).is_file():
            path.write_text(forms[name], encoding="utf-8") if name in forms else path.unlink()


def _renumber(place: Path, places: Mapping[int, int], ids: Mapping[str, int]) -> None:
    """Ids in the settings of the tokenizer and of generation."""
    for name in ("added_tokens.json", "tokenizer_config.json", "generation_config.json"):
        path = place / name
        found = read_json(path) if path.is_file() else {}
        try:
            if name == "added_tokens.json":
                found = {piece: ids[piece] for piece in found if piece in ids}
            elif decoder := found.get("added_tokens_decoder"):
                entries = ((follow_ids(int(number), places), entry) for number, entry in decoder.items())
                found["added_tokens_decoder"] = {str(number): entry for number, entry in entries if number is not None}
            for key, value in found.items():
                if value is not None and (key.endswith("_token_id") or key in _LISTS):
                    found[key] = follow_ids(value, places)
        except (ValueError, AttributeError, TypeError) as error:
            raise FormatError("a file names ids of pieces in another way", where=str(path)) from error
        if path.is_file():
            path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
