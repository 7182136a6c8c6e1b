"""docs/notebooks/shrink_a_reranker.ipynb runs as it stands."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("transformers", reason="needs the train extra")
pytest.importorskip("nbclient", reason="nbclient is not installed")

from notebook_runs import check_run, need_tools


@pytest.mark.timeout(600)
def test_the_notebook() -> None:
    need_tools()
    check_run("shrink_a_reranker")
