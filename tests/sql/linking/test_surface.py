"""What the package offers, and that listing it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ctxprune.sql.linking as linking
import ctxprune.sql.render as rendering


@pytest.mark.parametrize("package", [linking, rendering])
def test_all_names_exist_and_are_sorted(package):
    assert len(set(package.__all__)) == len(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018


def test_import_is_light():
    code = "import sys, ctxprune.sql.linking, ctxprune.sql.render; print({'numpy', 'sqlglot'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
