"""The public surface, and what importing it costs."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ctxprune
from ctxprune.errors import MissingExtraError

HEAVY = ("torch", "transformers", "sentence_transformers", "scipy", "langchain_core", "numpy", "bm25s", "tokenizers")
_MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ctxprune.__path__, "ctxprune.")
    if not module.name.endswith(".__main__")
)


def test_every_public_name_is_there_and_listed_once() -> None:
    assert set(ctxprune.__all__) <= set(dir(ctxprune))
    for name in ctxprune.__all__:
        assert getattr(ctxprune, name) is not None
    assert {"Database", "HtmlPage", "Passage", "Passages", "Pipeline", "Table"} <= set(ctxprune.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = ctxprune.nothing


STUBS = sorted(path for folder in ctxprune.__path__ for path in Path(folder).rglob("__init__.pyi"))


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.parent.name)
def test_names_come_from_where_the_stub_says(stub: Path) -> None:
    """Each line of a stub is `from .module import Name as Name`; the module lists the name as its own."""
    package = ".".join(("ctxprune", *stub.parent.relative_to(ctxprune.__path__[0]).parts))
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        try:
            module = importlib.import_module(f"{package}.{node.module}")
        except (MissingExtraError, ModuleNotFoundError) as error:
            pytest.skip(str(error))
        for alias in node.names:
            assert alias.asname == alias.name
            assert alias.name in [*getattr(module, "__all__", ()), "__version__"]
            try:
                offered = getattr(importlib.import_module(package), alias.name)
            except MissingExtraError as error:
                pytest.skip(str(error))  # a package asks for its extra, also for names that would do without
            assert offered is getattr(module, alias.name)


ROOMS = ("context", "policies", "pruning", "calibration", "text", "models", "rag.passages", "rag.policies")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_none_of_its_modules_before_it_must(room: str) -> None:
    package = importlib.import_module(f"ctxprune.{room}")
    assert package.__all__  # where its names come from is checked above, for every stub
    code = f"import ctxprune.{room}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {entry.partition(".")[0] for entry in done.stdout.split()}.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", _MODULES)
def test_every_module_says_what_it_offers(name: str) -> None:
    try:
        module = importlib.import_module(name)
        assert module.__doc__
        names = getattr(module, "__all__", [])
        assert all(hasattr(module, entry) for entry in names)
    except ModuleNotFoundError as error:
        rooms = ("kv", "shrink", "train")
        extra = name.startswith(tuple(f"ctxprune.{room}." for room in rooms))
        if extra and error.name in {"torch", "transformers", "safetensors", "onnx"}:
            pytest.skip(f"the train extra is not installed: no {error.name}")
        raise
    except MissingExtraError as error:
        pytest.skip(str(error))
    if Path(str(module.__file__)).with_suffix(".pyi").exists():  # sorted by lazy_loader
        assert list(names) == sorted(names)
        return
    plain = sorted(names, key=lambda entry: (not entry.isupper(), not entry[0].isupper(), entry))
    assert list(names) == plain


def test_import_is_light() -> None:
    code = "import ctxprune, ctxprune.rag, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded.isdisjoint(HEAVY)


def test_pruning_loads_no_model_library() -> None:
    code = (
        "import sys; from ctxprune import prune; from ctxprune.rag import Passage;"
        "prune('a', Passage('A. B.')); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"torch", "transformers", "sentence_transformers", "langchain_core"})
    assert done.stderr == ""


def test_import_time() -> None:
    """Five processes; the last line of -X importtime is the whole of `import ctxprune`."""
    seconds = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "import ctxprune"], capture_output=True, text=True, check=True
        )
        last = done.stderr.strip().splitlines()[-1]
        assert last.endswith(" ctxprune")
        seconds.append(int(last.split("|")[1]) / 1e6)
    assert min(seconds) < 0.1  # the best of five: a loaded machine only adds
