"""What is written with a checksum of itself, so that a flipped bit is an error and never another answer.

JSON object: the last member, `"crc32": "9a3b5c7d"`, over all bytes before it. Other files: appended. Entries of a
store: prepended. Tensors: wherever the caller has room. CRC-32 finds every single flipped bit and every burst of up to
32 bits; it is no protection against somebody who changes a file on purpose.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "LONGEST_LINE",
    "check_file",
    "parse_json",
    "seal",
    "seal_bytes",
    "seal_file",
    "seal_text",
    "sealed_line",
    "tensor_checksum",
    "unseal",
    "unseal_bytes",
    "unseal_lines",
]

LONGEST_LINE = 1 << 24
"""Bytes of a line of a log; ours have some thousand."""
_END = re.compile(rb'(?:, |,\n )?"crc32": "([0-9a-f]{8})"\s*\}\s*\Z')
_ENDED = re.compile(rb'"crc32": "[0-9a-f]{8}"\}.', re.DOTALL)
_KEY = "crc32"
_TRAILER = b"\nctxprune-crc32:"
_PIECE = 1 << 22  # bytes of a file that are held at once
_DELETE = "remove the lines from that one on, or the whole file: what is missing is done anew"
_TAIL = 200  # bytes of a text in which its checksum stands


def seal(document: dict[str, Any], *, indent: int | None = None) -> str:
    """`document` (JSON-safe) as ASCII text whose last member is the checksum; on one line unless `indent` says else.

    Raises:
        ValueError: It already has a member of that name, or is empty.
    """
    if _KEY in document:
        raise ValueError(f"a sealed document has no other member called {_KEY}")
    return seal_text(json.dumps(document, ensure_ascii=True, indent=indent))


def seal_text(text: str) -> str:
    """A JSON object that is not empty, with its checksum as the last member.

    Raises:
        ValueError: It is no such text.
    """
    body = text.rstrip().removesuffix("}").rstrip()
    if not text.rstrip().endswith("}") or body == "{":
        raise ValueError("only an object that is not empty can be sealed")
    comma, end = (",\n ", "\n}") if "\n" in body else (", ", "}")
    return f'{body}{comma}"{_KEY}": "{zlib.crc32(body.encode()):08x}"{end}'


def unseal(text: bytes, *, required: bool = True) -> Any:
    """The document of a text that `seal` made, without its checksum.

    Args:
        text: The whole text.
        required: Whether a text without a checksum is refused; otherwise it is read as it is, whatever it holds.

    Raises:
        ValueError: It is no JSON, is nested too deep, or differs from its checksum.
    """
    # only the end is searched: a pattern over a hostile text of megabytes would take long
    found = _END.search(text, max(0, len(text) - _TAIL))
    if found is None:
        document = parse_json(text)
        if required or (isinstance(document, dict) and _KEY in document):
            raise ValueError("it has no checksum")
        return document
    if zlib.crc32(text[: found.start()]) != int(found[1], 16):
        raise ValueError("it differs from its checksum")
    document = parse_json(text)
    del document[_KEY]
    return document


def seal_bytes(key: str, content: bytes) -> bytes:
    """`content` behind 4 bytes of checksum, which hold under this key only, so that no other entry passes for it."""
    return _keyed_checksum(key, content) + content


def unseal_bytes(key: str, sealed: bytes) -> bytes:
    """What `seal_bytes` was given.

    Raises:
        ValueError: It differs from its checksum, or was sealed under another key.
    """
    content = sealed[4:]
    if sealed[:4] != _keyed_checksum(key, content):
        raise ValueError("it differs from its checksum")
    return content


def _keyed_checksum(key: str, content: bytes) -> bytes:
    # the key is part of the checksum, so that an entry moved to another key is found out
    return zlib.crc32(content, zlib.crc32(key.encode())).to_bytes(4, "little")


def sealed_line(document: dict[str, Any]) -> bytes:
    """One line of a log: `seal`, with its end."""
    return f"{seal(document)}\n".encode("ascii")


def unseal_lines(path: Path, what: str) -> tuple[list[Any], int]:
    """The documents of a log of sealed lines, and how many bytes of it are whole lines: a last line without an end was
    cut short by a kill, and is left out. A log whose first line has no checksum is of an earlier version and is read
    as it is.

    Args:
        path: The log.
        what: In messages: "the log of the run".

    Raises:
        OSError: It cannot be read.
        FormatError: A line is damaged, nested too deep, or longer than `LONGEST_LINE`.
    """
    documents: list[Any] = []
    whole, sealed = 0, False
    for line in _whole_lines(path, what):
        try:
            documents.append(unseal(line, required=sealed and bool(documents)))
        except ValueError as error:
            message = f"line {len(documents) + 1} of {what} is damaged ({error})"
            raise FormatError(message, where=str(path), hint=_DELETE) from error
        sealed = sealed or _END.search(line, max(0, len(line) - _TAIL)) is not None
        whole += len(line)
    return documents, whole


def _whole_lines(path: Path, what: str) -> Iterator[bytes]:
    with path.open("rb") as file:
        number = 0
        while (line := file.readline(LONGEST_LINE + 1)).endswith(b"\n"):
            number += 1
            yield line
        if len(line) > LONGEST_LINE:
            message = f"line {number + 1} of {what} is longer than {LONGEST_LINE} bytes"
            raise FormatError(message, where=str(path), hint=_DELETE)
        if _ENDED.search(line, max(0, len(line) - _TAIL)):  # a whole line, and then something else than its end
            message = f"line {number + 1} of {what} is damaged (it has no end)"
            raise FormatError(message, where=str(path), hint=_DELETE)


def seal_file(path: Path) -> None:
    """Put the checksum of a file behind its last byte; for formats whose readers pass over what stands there (zip).

    Raises:
        OSError: It cannot be read or written.
    """
    with path.open("r+b") as file:
        found = _file_checksum(file, path.stat().st_size)
        file.write(_TRAILER + f"{found:08x}".encode())


def check_file(path: Path) -> None:
    """Compare a file with the checksum that `seal_file` put behind it; one that has none is of an earlier version.

    Raises:
        OSError: It cannot be read.
        ValueError: It differs.
    """
    size = path.stat().st_size - len(_TRAILER) - 8
    with path.open("rb") as file:
        file.seek(max(size, 0))
        end = file.read()
        if not end.startswith(_TRAILER):
            return
        file.seek(0)
        if end[len(_TRAILER) :] != f"{_file_checksum(file, size):08x}".encode():
            raise ValueError("it differs from its checksum")


def _file_checksum(file: BinaryIO, size: int) -> int:
    found = 0
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        found, size = zlib.crc32(piece, found), size - len(piece)
    return found


def tensor_checksum(tensor: Any) -> int:
    """CRC-32 of the kind, shape and bytes of a torch tensor."""
    import torch

    held = tensor.detach().cpu().contiguous()
    digest = zlib.crc32(f"{held.dtype} {tuple(held.shape)} ".encode())
    return zlib.crc32(held.reshape(-1).view(torch.uint8).numpy().data, digest) if held.numel() else digest


def parse_json(text: bytes | str) -> Any:
    """`json.loads`, but text that is nested too deep raises ValueError, too.

    Raises:
        ValueError: It is no JSON, not UTF-8, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
