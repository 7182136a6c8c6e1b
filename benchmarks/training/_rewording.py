"""Other wordings of a question, made mechanically: what the trust model learns from beside Spider's own wording.

The sketch generator learned Spider's wording and is surer of it than of any other, while people open a question, name
an aggregate or a comparison, and order its parts in many ways. The meaning, and so the gold query, stays the same.
"""

from __future__ import annotations

import random
import re

__all__ = ["reword"]

_OPENERS = re.compile(
    r"^(?:please )?(?:what (?:is|are|was|were)|show(?: me)?|list|find(?: out)?|give(?: me)?|return|display|tell me)\s+"
    r"(?:(?:all|each)(?: of)? )?(the )?", re.IGNORECASE,
)  # fmt: skip
_COUNTED = re.compile(r"^how many (?P<noun>[\w ]+?) (?:are|is) (?:there )?", re.IGNORECASE)
_STARTS = (
    "I need {}", "can you get me {}", "we would like to see {}", "please pull up {}", "I'm looking for {}",
    "could I have {}", "let me know {}", "get {}", "looking for {}", "pull {}", "we need to know {}", "I want {}",
)  # fmt: skip
_COUNTS = ("count of {} ", "what's the count of {} ", "number of {} ", "I need the number of {} ", "count {} ")
#: What one may say instead, each a pattern and its choices; longer patterns come first.
_SAME: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"in (?:the )?descending(?: order)?(?: of)?", ("from highest to lowest", "from the top down")),
    (r"in (?:the )?ascending(?: order)?(?: of)?", ("from lowest to highest", "from the bottom up")),
    (r"in alphabetical order(?: of)?", ("from A to Z", "alphabetically")),
    (r"(?:sorted|ordered) by", ("ranked by", "arranged by", "in order of")),
    (r"(?:sort|order) (?:them|the results?) by", ("rank by", "arrange them by")),
    (r"(?:greater|more|larger|higher|bigger) than", ("over", "above", "exceeding", "beyond")),
    (r"(?:less|smaller|fewer|lower) than", ("under", "below")),
    (r"no less than|at least", ("no fewer than", "a minimum of")),
    (r"for (?:each|every)(?: of the)?", ("per", "by", "broken down by")),
    (r"the total number of|the number of", ("the count of", "the total count of", "how many")),
    (r"different|distinct", ("unique", "various")),
    (r"average", ("mean", "typical", "avg")),
    (r"maximum|highest|largest|biggest|greatest", ("top", "biggest", "max")),
    (r"minimum|lowest|smallest", ("least", "min", "smallest")),
    (r"(?:that|which|who) (?:do|does) not have(?: any)?|(?:that|which|who) have no", ("without", "lacking")),
    (r"(?:that|which|who) (?:have|has)|having", ("with",)),
    (r"(?:that|which|who) (?:are|is|was|were)", ("being", "")),
    (r"(?:contains?|containing)(?: the (?:word|substring|letter))?", ("including", "mentioning")),
    (r"the most common", ("the most frequent", "the usual")),
    (r"as well as|and also", ("and", "plus", "along with")),
    (r"whose", ("where the", "with a")),
    (r"belong(?:s|ing)? to", ("in", "from")),
)  # fmt: skip
_DROPPED = re.compile(r"\b(?:the|a|an|all|of the|are|is|was|were|do|does|did|there|their|its)\b\s*", re.IGNORECASE)
_CHANGED = 0.75  # share of the replaceable words that are replaced
_SHORT = 0.2  # share of the questions that become notes without articles and verbs
_QUOTED = re.compile(r"""("[^"]*"|(?<!\w)'[^']*'(?!\w))""")


def reword(question: str, rng: random.Random) -> str:
    """The question in other words; what stands in quotation marks stays as it is."""
    text = question.strip().rstrip("?.! ")
    first, *others = _QUOTED.split(text)
    # The quotes are found first: "what's" brings an apostrophe in.
    parts = [_open_anew(first, rng), *others]
    short = rng.random() < _SHORT
    # Parts at odd places are quoted.
    parts = [part if place % 2 else _replace(part, short, rng) for place, part in enumerate(parts)]
    text = re.sub(r"\s+", " ", "".join(parts)).strip()
    return text + rng.choice(("?", "", "."))


def _open_anew(text: str, rng: random.Random) -> str:
    counted = _COUNTED.match(text)
    if counted is not None:
        return rng.choice(_COUNTS).format(counted["noun"]) + text[counted.end() :]
    opened = _OPENERS.match(text)
    if opened is None:
        return text
    rest = (opened[1] or "") + text[opened.end() :]
    return rng.choice(_STARTS).format(rest)


def _replace(text: str, short: bool, rng: random.Random) -> str:
    for pattern, choices in _SAME:
        text = re.sub(
            rf"\b(?:{pattern})\b",
            lambda found, choices=choices: rng.choice(choices) if rng.random() < _CHANGED else found[0],
            text,
            flags=re.IGNORECASE,
        )
    return _DROPPED.sub("", text) if short else text
