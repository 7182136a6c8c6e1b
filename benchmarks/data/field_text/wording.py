"""Questions that say the same in other words: synonyms, keyword style, templates, all drawn by a seed."""

from __future__ import annotations

import re

_STOP_WORDS = (
    "a an and any are as at be been being but by can do does for from has have if in into is it its may not of on only "
    "or other so some such that the their them then there these this those to used using was were when where which "
    "while will with you your"
)
STOP = frozenset(_STOP_WORDS.split())
_GROUPS = """
file document | directory folder | delete remove erase | show display print | overwrite replace |
quit exit stop | begin start launch | end finish | error failure problem | fast quick | slow sluggish |
big large huge | small tiny | allow permit | forbid disallow prevent | skip omit leave out | ignore disregard |
copy duplicate | move relocate | rename change the name of | create make | modify change alter | limit cap |
maximum upper bound | minimum lower bound | default preset | option setting switch | enable turn on activate |
disable turn off deactivate | output result | verbose chatty | quiet silent | retry try again | wait pause |
timeout time limit | connection link | password secret | user account | server host machine | download fetch |
upload send | compress shrink pack | extract unpack | archive bundle | list enumerate | search look for |
find locate | match correspond to | compare check against | count number | size bytes | speed rate |
memory ram | thread worker | process program | command instruction | string text | integer whole number |
value amount | key identifier | sorted ordered | sort order | reverse backwards | random arbitrary |
unique distinct | empty blank | missing absent | read load | write save store | open access | close shut |
convert transform turn | parse interpret | split divide | join combine merge | append add at the end |
insert put in | check verify | test try | require need | support handle | return give back | raise throw |
call invoke | argument parameter | function routine | warning notice | log journal record |
permission access right | owner holder | link shortcut | temporary scratch | current present |
previous earlier | following next | table grid | column field | row record | index position | update refresh |
version release | install set up | run execute | build compile | install deploy | message note |
automatic unattended | manually by hand | specify name state | contain hold include | keep retain preserve |
use apply | sequence series | longest most extended | shortest | equal same identical | different unlike |
between among | whole entire complete | part portion piece | first initial | last final | beginning start |
entry item | source origin | destination target | network net | address location | port | proxy gateway |
certificate cert | encrypt cipher | signature sign | schema structure | database db | backup safety copy |
restore recover | lock block | shared common |
"""
_WORDS = 16  # most words of a question
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("es", "e"), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"))


def _synonyms() -> dict[str, list[str]]:
    """Of the first word of each group, and of each other word that is one word."""
    found: dict[str, list[str]] = {}
    for line in " ".join(_GROUPS.split()).split("|"):
        words = line.split()
        if len(words) < 2:
            continue
        head, rest = words[0], words[1:]
        # "change the name of" is one synonym, not four.
        others = (
            [" ".join(rest)] if any(word in STOP or word in {"out", "up", "off", "again"} for word in rest) else rest
        )
        found.setdefault(head, []).extend(others)
        for other in others:
            if " " not in other:
                found.setdefault(other, []).append(head)
    return found


SYNONYMS = _synonyms()


def stem(word: str) -> str:
    """A word without the endings of English inflection, as far as the table of synonyms needs it."""
    word = word.lower()
    for ending, put in _ENDINGS:
        base = word.removesuffix(ending) + put
        if word.endswith(ending) and len(word) > len(ending) + 2 and base in SYNONYMS:
            return base
    return word


def content_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.lower() not in STOP and len(word) > 1]


def overlap(one: str, other: str) -> float:
    """Share of the content words of `one` that `other` has too, by rough stems, 0 to 1."""
    words = {_rough(word) for word in content_words(one)}
    return len(words & {_rough(word) for word in content_words(other)}) / max(len(words), 1)


def _rough(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed|e|y)$", "", word.lower())


def reword(text: str, random, share: float = 0.7) -> str:
    """`text` with that share of the words that have a synonym replaced by one."""

    def other(match: re.Match[str]) -> str:
        known = SYNONYMS.get(stem(match[0]))
        return random.choice(known) if known and random.random() < share else match[0]

    return _WORD.sub(other, text)


def keywords(text: str, random, most: int = 6) -> str:
    """Some of the content words of `text`, in order, some of them replaced: what one types into a search box."""
    words = content_words(text)
    chosen = sorted(random.sample(range(len(words)), min(most, max(2, round(0.7 * len(words))), len(words))))
    return " ".join(reword(words[place], random).lower() for place in chosen)


_IMPERATIVE = (
    "how do I make {0} {1}?", "which option of {0} should I give to {1}?", "Is there a way to {1} with {0}?",
    "{0}: how to {1}", "I want {0} to {1}. What do I need?",
)  # fmt: skip
_STATEMENT = ("{0} {1}", "{0}: {1}?", "where does {0} say: {1}", "what is the {0} setting about {1}")


def ask(text: str, product: str, random) -> str:
    """A question whose answer `text` describes, in one of several styles."""
    text = re.sub(r"\s*[(\[][^)\]]*[)\]]", "", " ".join(text.split()))
    # The rest of a help line is often a list of values, which no one types.
    text = " ".join(re.split(r"[.;:](?:\s|$)", text)[0].split()[:_WORDS])
    if text[:1].isupper() and text[1:2].islower():
        text = text[0].lower() + text[1:]
    if random.random() < 0.4:
        return f"{product} {keywords(text, random)}"
    first = text.split(" ", 1)[0]
    forms = _STATEMENT if first in STOP or not first.isalpha() or first.endswith(("s", "ing", "ed")) else _IMPERATIVE
    return random.choice(forms).format(product, reword(text, random))
