"""Templates of running text for tuning, beside `TUNE` of _extraction_records.py: talk, answers, and stories.

Written from forms that grammars list (a fronted topic, question and answer, hedges, relative clauses, appositions),
without sight of the templates that are reported; used with training databases and tables only.
"""

from __future__ import annotations

_TOPICS = (
    "So, as for the {l}, it is {v}.", "The {l}, that would be {v}.", "When it comes to the {l}, we have {v}.",
    "About the {l}: well, {v}.", "On the {l}, I have {v} here.", "The {l}, that's {v}.", "Its {l}'s {v}.",
)  # fmt: skip
_ANSWERS = (
    "What is the {l}? It is {v}.", "And the {l}? {v}.", "Do you know the {l}? Yes, {v}.",
    "Can you tell me the {l}? That is {v}.", "Q: What about the {l}?\nA: {v}.", "Which {l} does it have? {v}, I think.",
)  # fmt: skip
_HEDGED = (
    "The {l}, if I remember correctly, is {v}.", "I think the {l} is {v}.", "The {l} here is {v}, right.",
    "The {l} was, let me see, {v}.", "Its {l} should be {v}.", "The {l} is actually {v}, by the way.",
    "The {l} of this one is {v}.", "The {l} turned out to be {v}, as far as I know.",
)  # fmt: skip
_GIVEN = (
    "We've got {v} for the {l}.", "They put {v} down as the {l}.", "I wrote down {v} under {l}.",
    "It has {v} as its {l}.", "They gave {v} as the {l}.", "{v}, that's the {l}.", "{v} is what we have for the {l}.",
)  # fmt: skip
_CLAUSES = (
    "whose {l} was {v}", "with {v} as its {l}", "with a {l} of {v}", "which had {v} for its {l}", "{v} being its {l}",
    "where the {l} had been {v}", "the {l} of which was {v}",
)  # fmt: skip
_STORIES = (
    "The {l}, {v}, was noted by the clerk.", "{v} was recorded as the {l}.", "{v} remained its {l} throughout.",
    "Its {l} then stood at {v}.", "At the time, its {l} was {v}.", "{v} became the {l}.",
    "Its {l} had become {v} by then.",
)  # fmt: skip


def _say(t, forms):
    return " ".join(
        (said[:1].upper() + said[1:])
        for said in (t.rng.choice(forms).format(l=label.lower(), v=value) for label, value in t.pairs)
    )


def topics(t):
    return _say(t, _TOPICS)


def answers(t):
    return _say(t, _ANSWERS)


def hedged(t):
    return "Okay, let me tell you what I have. " + _say(t, _HEDGED)


def given(t):
    return _say(t, _GIVEN)


def clauses(t):
    parts = [t.rng.choice(_CLAUSES).format(l=label.lower(), v=value) for label, value in t.pairs]
    half = len(parts) // 2
    return (
        f"The archive holds an entry {', '.join(parts[:half])}. It is one {', '.join(parts[half:-1])} and {parts[-1]}."
    )


def stories(t):
    return "This is how it went. " + _say(t, _STORIES)


PROSE = {
    "topics": topics, "answers": answers, "hedged": hedged, "given": given, "clauses": clauses, "stories": stories,
}  # fmt: skip
