"""Execute the notebooks of docs/notebooks and write their outputs back.

    python benchmarks/report/notebooks.py               # those that this environment can run
    python benchmarks/report/notebooks.py --check       # exit code 1 where an output that has to stay the same differs
    python benchmarks/report/notebooks.py NAME NAME

Needs nbclient and ipykernel (the extra `dev`). The notebooks under `TRAIN` also need torch: `make notebooks` runs them
in the environment that has it. Each notebook is run in an empty folder, without a network for models. Outputs of a cell
with the tag `varies` (times, bytes on disk) are not compared, and neither are the bytes of a picture.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "notebooks"
MAIN = ("documents_with_citations", "database_conversation", "mcp_agent", "text_to_sql_run")
TRAIN = ("shrink_a_reranker", "kv_cache")  # need torch
SECONDS = 600  # of one cell, on a machine that does much else
VARIES = "varies"
LONGEST = 90  # characters of a socket's name; systems allow 104 or more, with a number at the end
# Of the machine rather than of the notebook: a model would be downloaded, or threads would change the last digits.
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py", "mimetype": "text/x-python"}


class _ThisPython(KernelSpecManager):
    """Knows one kernel, that of the running Python; a "python3" that the user installed may be another one."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Kernels(AsyncKernelManager):
    """Starts that kernel, and talks to it through files: for ports, runs side by side would compete."""

    @default("kernel_spec_manager")
    def _this_python(self) -> KernelSpecManager:
        return _ThisPython()

    @default("transport")
    def _transport(self) -> str:
        return "ipc" if os.name != "nt" and len(_sockets()) <= LONGEST else "tcp"

    @default("ip")
    def _address(self) -> str:
        return _sockets() if self.transport == "ipc" else "127.0.0.1"


def _sockets() -> str:
    """How the names of the sockets begin; absolute, since the kernel works in another folder."""
    return os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], "kernel")


def read(name: str) -> NotebookNode:
    """The notebook as it is stored.

    Raises:
        ValueError: The file is damaged; the message names it.
    """
    try:
        return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    except nbformat.reader.NotJSONError as error:
        raise ValueError(f"{name}.ipynb is damaged: {error}") from error


def execute(notebook: NotebookNode) -> NotebookNode:
    """A copy with the outputs of a run in an empty folder.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails.
    """
    executed = nbformat.from_dict(_without_outputs(notebook))
    with TemporaryDirectory() as folder, TemporaryDirectory() as settings, _environment(settings):
        NotebookClient(
            executed,
            kernel_manager_class=_Kernels,
            timeout=SECONDS,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    executed.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": LANGUAGE,  # without the version, which would differ from machine to machine
    }
    return executed


def differences(stored: NotebookNode, executed: NotebookNode) -> list[str]:
    """For each cell whose outputs had to be the same and are not, its id with both; [] where all are."""
    if len(stored.cells) != len(executed.cells):
        return [f"stored {len(stored.cells)} cells, executed {len(executed.cells)}"]
    found = []
    for old, new in zip(stored.cells, executed.cells, strict=True):
        was, now = list(map(_comparable, old.get("outputs", []))), list(map(_comparable, new.get("outputs", [])))
        if VARIES in old.metadata.get("tags", []):
            was, now = [kind for kind, _ in was], [kind for kind, _ in now]
        if was != now:
            found.append(f"{old.id}: stored {was}, executed {now}")
    return found


def can_run(name: str) -> bool:
    """Whether this environment has what the notebook needs."""
    return name not in TRAIN or importlib.util.find_spec("torch") is not None


@contextmanager
def _environment(settings: str) -> Iterator[None]:
    """Variables for the kernel, which finds the package where this Python does; undone at the end.

    Jupyter's own files go to the folder `settings`, so that neither a user's profile changes outputs nor a home folder
    has to be writable.
    """
    before = dict(os.environ)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    folders = dict.fromkeys(("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"), settings)
    os.environ.update(ENVIRONMENT | folders | {"PYTHONPATH": os.pathsep.join(paths)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _without_outputs(notebook: NotebookNode) -> dict[str, Any]:
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell.cell_type == "code" else dict(cell)
        for cell in notebook.cells
    ]
    return {**notebook, "cells": cells}


def _comparable(output: NotebookNode) -> tuple[str, Any]:
    """What kind of output it is, and what it says; of pictures only that they are there."""
    if output.output_type == "stream":
        return output.name, output.text
    data = output.get("data", {})
    # The text beside a picture or a page only names the object.
    said = {kind: value for kind, value in data.items() if kind.startswith("text/") and not _is_repr(kind, data)}
    return "+".join([output.output_type, *sorted(data)]), said


def _is_repr(kind: str, data: NotebookNode) -> bool:
    return kind == "text/plain" and len(data) > 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks without their ending; all without any")
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 where something differs")
    options = parser.parse_args()
    unknown = set(options.names) - {*MAIN, *TRAIN}
    if unknown:
        parser.error(f"no notebook {', '.join(sorted(unknown))}: there are {', '.join((*MAIN, *TRAIN))}")
    stale = False
    for name in options.names or (*MAIN, *TRAIN):
        if not can_run(name):
            print(f"{name}: left out, it needs torch", file=sys.stderr)
            stale |= name in options.names
            continue
        stored = read(name)
        executed = execute(stored)
        found = differences(stored, executed)
        if options.check:
            stale |= bool(found)
            print(*(f"{name}: {line}" for line in found), sep="\n", end="\n" if found else "", file=sys.stderr)
        else:
            nbformat.write(executed, FOLDER / f"{name}.ipynb")
            print(f"{name}: written", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    raise SystemExit(main())
