"""The child process of `_child.Child`: serves queries from stdin until it ends, which its parent may enforce.

Run as `python -I -S _worker.py` with nothing but the standard library, it starts in some 20 ms. The process may
not write into any file (RLIMIT_FSIZE 0), and its memory is limited; an alarm ends it when one scalar function does not
come back, even where its parent died. The parent kills it then as well.

Frames on the pipes are four bytes of length (big endian), then JSON. The first request is the configuration, answered
by `["ready"]`. Further requests are objects; their answers are `["rows", [[cell, ...], ...]]`, `["reset"]` (drop the
rows so far), and at last `["done", {...}]` or `["error", kind, message]`. A blob cell is `{"b": base64}`. Where a
request has "batch", every "rows" waits for `{"op": "more"}` or `{"op": "stop"}`.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import signal
import struct
import sys
from contextlib import suppress
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from ._engine import FileEngine

__all__ = ["main", "read_frame", "write_frame"]

_GRACE = 1.0  # the parent kills earlier; this is for a parent that died
_PYTHON_MEMORY = 128_000_000  # address space for the interpreter and the rows of one frame
_HEADER = struct.Struct(">I")


def _blob(value: object) -> object:
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode("ascii")}
    raise TypeError(type(value).__name__)


def write_frame(file: BinaryIO, message: object) -> None:
    """Write one frame.

    Raises:
        OSError: The other side is gone.
    """
    data = json.dumps(message, default=_blob, separators=(",", ":")).encode("ascii")
    file.write(_HEADER.pack(len(data)) + data)
    file.flush()


def read_frame(file: BinaryIO) -> Any:
    """Read one frame; None at the end of the file."""
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    (size,) = _HEADER.unpack(head)
    return json.loads(file.read(size))


def _engine(config: dict[str, Any]) -> FileEngine:
    """The engine, from the modules beside this file, without the package that they are in: it imports far more."""
    package = ModuleType("drivers")
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[package.__name__] = package
    sys.path += config["packages"]  # last, so that nothing there hides a module of the standard library
    module = importlib.import_module(f"drivers.{config['engine']}")
    engine: FileEngine = module.Engine(config["path"], config["memory"], process=True)
    return engine


def _restrict(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the engine's own limit and the parent's kill remain
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # no /proc: the engine's own limit remains
        with open("/proc/self/statm", "rb") as file:
            in_use = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + memory + _PYTHON_MEMORY,) * 2)


def _alarm(seconds: float) -> None:
    """End the process after so many seconds, even inside one function; 0 calls it off."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _serve(engine: FileEngine, request: dict[str, Any], source: BinaryIO, target: BinaryIO) -> None:
    replies = engine.replies(request)
    _alarm(request["seconds"] + _GRACE)
    try:
        for message in replies:
            write_frame(target, message)
            if message[0] == "rows" and request.get("batch"):
                _alarm(0)
                answer = read_frame(source)
                if answer is None or answer["op"] != "more":
                    write_frame(target, ["done", {"columns": [], "truncated": True, "ms": 0.0}])
                    return
                _alarm(request["seconds"] + _GRACE)
    finally:
        _alarm(0)
        replies.close()


def main() -> None:
    """Serve requests from stdin until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    source, target = sys.stdin.buffer, sys.stdout.buffer
    config = read_frame(source)
    if config is None:
        return
    engine = _engine(config)
    _restrict(config["memory"])
    write_frame(target, ["ready"])
    while (request := read_frame(source)) is not None:
        _serve(engine, request, source, target)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
