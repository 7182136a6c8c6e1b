"""Pages are easy to read: what is measured of them, and how long the sentences of a page may be on average."""

from __future__ import annotations

import importlib
from statistics import mean

import pytest
from doc_pages import DOCS, page

readability = importlib.import_module("benchmarks.report.readability")
FOLDERS = ("start", "tasks", "operate", "contribute")
PAGES = ["README", *(f"{folder}/{path.stem}" for folder in FOLDERS for path in sorted((DOCS / folder).glob("*.md")))]
MOST = 20  # words a sentence, on average

MARKDOWN = """# A heading

A paragraph, e.g. this one, has `code` in it. It links to [a page](page.md)!
<!-- figure: x -->12.5 %<!-- end -->

| a | table |
| --- | --- |

- An item
- [ ] Another item. With two sentences.

```python
code()
```
"""
RST = """Title
=====

Use :meth:`encode <model.encode>` for `texts <page.html>`_::

   code()

.. tip::

   Short texts are faster.
"""


def test_prose_is_told_from_the_rest() -> None:
    assert readability.sentences(MARKDOWN) == [
        "A paragraph, e.g this one, has coding in it.",
        "It links to a page!",
        "12.5 %",
        "An item",
        "Another item.",
        "With two sentences.",
    ]
    assert readability.sentences(RST, rst=True) == ["Use coding for texts:", "Short texts are faster."]
    assert readability.sentences("") == readability.sentences("```\ncode\n```\n") == []


@pytest.mark.parametrize("name", PAGES)
def test_sentences_are_short(name: str) -> None:
    lengths = [len(readability.WORD.findall(sentence)) for sentence in readability.sentences(page(name))]
    average = mean(lengths) if lengths else 0
    assert average <= MOST, (
        f"{average:.1f} words a sentence: break up the longest ones (benchmarks/report/readability.py)"
    )
