"""Conditions on stored values: the column of each value, lists of values, negations, and texts that are not stored."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlglot import exp

from ctxprune.text.words import STOP_WORDS, fold, stem

from ....values.dates import MONTHS
from ....values.spans import COMMON_WORDS
from .booleans import truth_values, without_prefix
from .build import column, compare, literal, lower, negate
from .clauses import Clause, Option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ....schema.hits import ValueHit
    from ....schema.schema import ColumnRef
    from .inputs import Inputs

__all__ = ["contains_text", "find_quoted", "read_values"]

_MOST_OPTIONS = 6
_WORST = 0.4
_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|(?<!\w)'([^'\n]{1,200})'(?!\w)|“([^”\n]{1,200})”|‘([^’\n]{1,200})’|`([^`\n]{1,200})`"
)
_NOT = re.compile(
    r"(?:\bnon[-\s]|\b(?:not|n't|isn't|aren't|wasn't|weren't|other than|except(?: for)?|excluding|exclude|"
    r"apart from|besides|"
    r"outside(?: of)?|neither|nor|"
    r"but not|never|different from|no)(?:\s+(?:a|an|the|in|from|of|to|is|are|be|with|located|live|"
    r"living|based|named|called|including|any|have|has|equal))*\s+)[\"'“‘`]?$"
)
_OR = re.compile(r"[\"'”’`]?\s*(?:,\s*(?:or|and)?|or|and|nor|/)\s*(?:either\s+)?(?:a|an|the|in|from|of)?\s*[\"'“‘`]?")
_LEADS = re.compile(r"\b(?:in|from|at|by|named|called|titled|of|for|is|are|to|with|the)\s+$")
_NAMED = 0.3
_GENDERS = {"F": ("female", "females", "women", "woman", "girl", "girls"), "M": ("male", "males", "men", "man", "boys")}
_SPELT = frozenset({"exact", "folded", "synonym"})
_SMALL = COMMON_WORDS | {"all", "none", "several", "together", "same"}
_MEANS = frozenset({"via", "through", "using", "by"})
_LEAST_LIKELY = 0.05
_FEW, _SHORT = 14, 30


class _Place(NamedTuple):
    """A column's stored text that a value may mean, how likely, whether it may be shown, and whether it is spelt so."""

    value: str
    closeness: float
    masked: bool = False
    spelt: bool = True


@dataclass(frozen=True, slots=True)
class _Named:
    """A value that characters [start, end) name, and the columns that store it with their stored texts and scores."""

    start: int
    end: int
    places: dict[ColumnRef, _Place]
    stored: bool = True


def read_values(inputs: Inputs, taken: Sequence[tuple[int, int]]) -> list[Clause]:
    """The clauses that ask for a value, outside of the spans in `taken`."""
    named = [*_hits(inputs, taken)]
    spans = [(one.start, one.end) for one in named]
    named += [one for one in (*_derived(inputs), *_genders(inputs)) if _free(one, [*spans, *taken])]
    named += [one for one in _quoted(inputs, named) if _free(one, taken)]
    spans = [(one.start, one.end) for one in named]
    named += [one for one in _capitals(inputs) if _free(one, [*spans, *taken])]
    named.sort(key=lambda one: one.start)
    clauses, place = [], 0
    while place < len(named):
        run = _run(inputs, named, place)
        place += len(run)
        options = _options(inputs, run)
        if options:
            clauses.append(Clause(*_span(inputs, run), tuple(options)))
    return clauses


def find_quoted(text: str) -> list[tuple[int, int, str]]:
    """Quoted texts: characters [start, end) with the marks, and what stands between these."""
    found = []
    for match in _QUOTED.finditer(text):
        inside = next(group for group in match.groups() if group is not None).strip()
        if inside:
            found.append((match.start(), match.end(), inside))
    return found


def contains_text(held: Any, text: str, *, before: str = "%", after: str = "%") -> Any:
    """A test, without regard to case, that a text holds another one; wildcards within it stand for themselves."""
    plain = re.sub(r"([\\%_])", r"\\\1", text.lower())
    test: Any = exp.Like(this=lower(held), expression=literal(f"{before}{plain}{after}"))
    return exp.Escape(this=test, expression=literal("\\")) if plain != text.lower() else test


def _free(one: _Named, spans: Sequence[tuple[int, int]]) -> bool:
    return all(one.end <= start or end <= one.start for start, end in spans)


def _hits(inputs: Inputs, taken: Sequence[tuple[int, int]]) -> Iterator[_Named]:
    """The hits by span; a long or close one silences those inside it."""
    groups: dict[tuple[int, int], dict[ColumnRef, ValueHit]] = defaultdict(dict)
    for hit in inputs.hits:
        ref = inputs.view.known(hit.ref)
        start, end = hit.span
        # Spans beyond the question belong to the evidence.
        # Columns of yes and no, which have a reader of their own, are found by their names.
        letter = hit.span[1] - hit.span[0] == 1 and hit.value == inputs.question[hit.span[0] : hit.span[1]] != "I"
        if ref is None or hit.stage == "column" or (hit.likelihood < _LEAST_LIKELY and not letter):
            continue
        if end > len(inputs.text) or start >= end:
            continue
        before = groups[start, end].get(ref)
        if before is None or (hit.score, hit.likelihood) > (before.score, before.likelihood):
            groups[start, end][ref] = hit
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(groups, key=lambda span: (-_rank(span, groups[span].values()), span)):
        words = [token.text for token in inputs.tokens if token.start < end and token.end > start]
        if (
            not words
            or not _telling(inputs, start, words)
            or _is_number(inputs, (start, end), groups[start, end])
            or any(a < end and start < b for a, b in (*chosen, *taken))
        ):
            continue
        chosen.append((start, end))
        places = {
            ref: _Place(hit.value, 0.5 * hit.score + 0.5 * hit.likelihood, hit.masked, hit.stage in _SPELT)
            for ref, hit in groups[start, end].items()
            if truth_values(inputs, inputs.view.index[ref]) is None
        }
        # "unpaid" is found as a misspelt "paid", which it denies.
        bare = without_prefix(words[0]) if len(words) == 1 else ""
        denied = {ref: place for ref, place in places.items() if bare and fold(place.value) == bare}
        kept = {ref: place for ref, place in places.items() if ref not in denied}
        if kept or denied:
            yield _Named(start, end, kept or denied, stored=bool(kept))


def _is_number(inputs: Inputs, span: tuple[int, int], hits: dict[ColumnRef, ValueHit]) -> bool:
    """A number is compared as one, unless a text of just these digits is stored."""
    surface = inputs.question[span[0] : span[1]]
    return surface.replace(",", "").isdigit() and all(hit.value != surface for hit in hits.values())


def _rank(span: tuple[int, int], hits: Any) -> float:
    best = max(hits, key=lambda hit: hit.score + hit.likelihood)
    return (span[1] - span[0]) / 10 + 2.0 * float(best.score) + 2.0 * float(best.likelihood)


def _telling(inputs: Inputs, start: int, words: list[str]) -> bool:
    """Small words are stored somewhere in every database; a single capital may be a grade or a gender."""
    if len(words) == 2 and inputs.question[start + len(words[0]) : start + len(words[0]) + 1] == "-":
        return True  # "no-show" is one word
    if all(word in STOP_WORDS for word in words):
        surface = inputs.question[start : start + len(words[0])]
        # "IT" in capitals is a name, unless all of the question is.
        return len(words) == 1 and surface.isupper() and start > 0 and not inputs.question.isupper()
    # "more" and "all" are stored somewhere, too; only capitals make a name of them.
    return not all(word in _SMALL for word in words) or inputs.question[start].isupper()


def _derived(inputs: Inputs) -> Iterator[_Named]:
    """Words that come from a stored text of few ("successful" of "success", "unpaid" of "paid")."""
    texts: dict[str, dict[ColumnRef, str]] = defaultdict(dict)
    for number, facts in enumerate(inputs.view.columns):
        stored = inputs.stored(number)
        if facts.kind == "id" or not 2 <= len(stored) <= _FEW or truth_values(inputs, number) is not None:
            continue
        for value in stored:
            if isinstance(value, str) and 4 <= len(value) <= _SHORT and value.replace("_", "").isalpha():
                texts[fold(value)][facts.ref] = value
    for token in inputs.tokens:
        if token.text in STOP_WORDS or token.number is not None or len(token.text) < 5:
            continue
        for text, places in texts.items():
            if text != token.text and _comes_from(token.text, text):
                yield _Named(token.start, token.end, {ref: _Place(value, 0.6) for ref, value in places.items()})
                break
        else:
            bare = without_prefix(token.text)
            if bare in texts and token.text not in texts:
                # The span leaves the prefix out, so that it reads as a negation.
                yield _Named(
                    token.start, token.end, {ref: _Place(value, 0.6) for ref, value in texts[bare].items()}, False
                )


def _genders(inputs: Inputs) -> Iterator[_Named]:
    """ "female" of a column that stores F."""
    columns = [n for n in range(len(inputs.view.columns)) if not {"sex", "gender"}.isdisjoint(inputs.parts[n])]
    for token in inputs.tokens if columns else ():
        letter = next((letter for letter, words in _GENDERS.items() if token.text in words), "")
        places = {
            inputs.facts(number).ref: _Place(str(value), 0.6)
            for number in columns
            for value in inputs.stored(number)
            if letter and str(value).upper() == letter
        }
        if places:
            yield _Named(token.start, token.end, places)


def _comes_from(word: str, text: str) -> bool:
    short, long = sorted((word, text), key=len)
    root = short[:-1] if short[-1] in "ey" else short
    return len(root) >= 4 and long.startswith(root) and len(long) - len(root) <= 4 and not word.endswith("ity")


def _quoted(inputs: Inputs, named: list[_Named]) -> Iterator[_Named]:
    """Quoted texts that no column stores as they are; hits inside them are dropped."""
    for start, end, inside in find_quoted(inputs.question[: len(inputs.text)]):
        within = [one for one in named if start <= one.start and one.end <= end]
        whole = [one for one in within if any(fold(v) == fold(inside) for v, *_ in one.places.values())]
        if whole:
            continue
        for one in within:
            named.remove(one)
        yield _Named(start, end, _likely(inputs, start, inside), stored=False)


def _capitals(inputs: Inputs) -> Iterator[_Named]:
    """Runs of capitalised words after the first word that name nothing in the schema and are not stored."""
    position = 1
    tokens = inputs.tokens
    named = {place for places in inputs.named_tables.values() for place, share in places if share >= 0.3}
    while position < len(tokens):
        last = position
        while last < len(tokens) and tokens[last].capital and tokens[last].number is None and last not in named:
            last += 1
        words = tokens[position:last]
        sentence = bool(words) and re.search(r"[.?!:]\s*$", inputs.question[: words[0].start]) is not None
        if words and not sentence and not all(word.text in STOP_WORDS or len(word.text) < 3 for word in words):
            text = inputs.question[words[0].start : words[-1].end]
            shouted = inputs.question.isupper()
            columns = any(
                inputs.fits(k, n) >= 0.5 for k in range(position, last) for n in range(len(inputs.view.columns))
            )
            # Letters alone are an abbreviation of the asker's own rather than a name.
            led = _LEADS.search(inputs.text[: words[0].start]) is not None or position - 1 in named
            month = words[0].text in MONTHS
            if not shouted and not columns and not month and led and not (text.isupper() and len(text) <= 5):
                yield _Named(words[0].start, words[-1].end, _likely(inputs, words[0].start, text), stored=False)
        position = max(last, position + 1)


def _likely(inputs: Inputs, start: int, text: str) -> dict[ColumnRef, _Place]:
    """Columns of texts that a name which is not stored may be looked for in: named nearby, or readable names."""
    first, _ = inputs.covered(start, start + len(text))
    found = {}
    for number, facts in enumerate(inputs.view.columns):
        if facts.kind != "text" or truth_values(inputs, number) is not None:
            continue
        near = inputs.near(number, first, first + 1, window=4)
        if facts.foreign and near < 0.5:
            continue
        label = 0.3 * inputs.spoken(facts.table, first) if number in inputs.labels else 0.0
        # "the song 'Badlands'": the readable name of what the word before it names.
        beside = any(place == first - 1 for place, _ in inputs.named_tables.get(facts.table, ()))
        label += 0.3 if label and beside else 0.0
        if near >= 0.3 or label >= 0.15:
            found[facts.ref] = _Place(text, min(0.6, 0.15 + 0.2 * near + label))
    return found


def _run(inputs: Inputs, named: Sequence[_Named], place: int) -> list[_Named]:
    """Values of one column in a row: "Amazon, Apple or Google"."""
    run = [named[place]]
    shared = set(run[0].places)
    for one in named[place + 1 :]:
        between = inputs.text[run[-1].end : one.start]
        shared &= set(one.places)
        if not shared or run[0].stored != one.stored or not _OR.fullmatch(between):
            break
        run.append(one)
    return run


def _span(inputs: Inputs, run: Sequence[_Named]) -> tuple[int, int]:
    denied = _NOT.search(inputs.text[: run[0].start])
    start, end = denied.start() if denied is not None else run[0].start, run[-1].end
    # The quotation marks belong to the value.
    if inputs.question[start - 1 : start] in ('"', "'", "“", "‘", "`") and start > 0:
        start -= 1
    if inputs.question[end : end + 1] in ('"', "'", "”", "’", "`") and (
        inputs.question[start : start + 1] in ('"', "'", "“", "‘", "`")
    ):
        end += 1
    return start, end


def _options(inputs: Inputs, run: Sequence[_Named]) -> list[Option]:
    first, last = inputs.covered(run[0].start, run[-1].end)
    denied = _NOT.search(inputs.text[: run[0].start]) is not None
    word, surface = (text[run[0].start : run[0].end] for text in (inputs.text, inputs.question))
    turned = (
        not run[0].stored
        and bool(without_prefix(word))
        and all(fold(value) == without_prefix(word) for value, *_ in run[0].places.values())
    )
    options = []
    for ref in set.intersection(*(set(one.places) for one in run)):
        number = inputs.view.index[ref]
        facts = inputs.facts(number)
        closeness = sum(one.places[ref].closeness for one in run) / len(run)
        near = inputs.near(number, first, last)
        score = 0.5 * closeness + 0.25 * near + 0.25 * inputs.spoken(facts.table, first)
        if surface.isdigit() and near < _NAMED:
            continue  # a number that no word near it makes a value of this column
        # "go" is rarely the code GO, unless all of the question is in lower case.
        stored = run[0].places[ref].value
        code = stored.isupper() and stored.lower() == surface == surface.lower() and not inputs.question.islower()
        score *= 0.5 if code else 1.0
        score *= _schema_factor(inputs, first, last, facts.table)
        score = 0.0 if score < _least(inputs, run[0], ref) else score
        if _says_all(inputs, number, run) and not denied:
            continue  # "male and female students" groups by the gender
        test = _test(inputs, ref, run, partial=not run[0].stored and not turned)
        test = negate(test) if denied != turned else test
        options.append(Option(round(min(1.0, score), 4), test, (ref.table,), "value"))
    options = [option for option in options if option.score]
    options.sort(key=lambda option: (-option.score, option.test.sql()))
    return [option for option in options[:_MOST_OPTIONS] if option.score >= _WORST * options[0].score]


def _says_all(inputs: Inputs, number: int, run: Sequence[_Named]) -> bool:
    """Several values are all that a column holds."""
    stored = set(map(str, inputs.stored(number)))
    ref = inputs.facts(number).ref
    return 2 <= len(stored) <= _FEW and len(run) > 1 and stored <= {one.places[ref].value for one in run}


def _schema_factor(inputs: Inputs, first: int, last: int, table: int) -> float:
    """Below 1 for words that name a table or column as well, and so are rarely meant as a value."""
    if any(inputs.tokens[k].capital for k in range(max(first, 1), last)):
        return 1.0
    if first and inputs.tokens[first - 1].text in _MEANS:
        return 1.0
    # "transaction notifications": right before the name of the table that stores it.
    if any(place == last for place, _ in inputs.named_tables.get(table, ())):
        return 1.0
    named = {place for places in inputs.named_tables.values() for place, share in places if share >= 0.25}
    columns = range(len(inputs.view.columns))
    if all(
        place in named or inputs.tokens[place].text in STOP_WORDS or any(inputs.fits(place, n) > 0.95 for n in columns)
        for place in range(first, last)
    ):
        return 0.5
    # A part of a longer name: "shipping" in "shipping agent".
    if any(inputs.fits(first, n) and last < len(inputs.tokens) and inputs.fits(last, n) for n in columns):
        return 0.45
    return 1.0


def _least(inputs: Inputs, named: _Named, ref: ColumnRef) -> float:
    """The score below which a value is noise: stored texts that only resemble a small word need more."""
    surface = inputs.question[named.start : named.end]
    if not named.stored or named.places[ref].spelt or stem(fold(named.places[ref].value)) == stem(fold(surface)):
        return 0.2 if surface[:1].isupper() and named.start > 0 else 0.3
    stored = set(fold(named.places[ref].value).split())
    # Misspelt words keep their first letter, and no word of the question's grammar stands in for one that is stored.
    if any(word in STOP_WORDS and word not in stored for word in surface.lower().split()):
        return 1.0
    if named.places[ref].value[:1].casefold() != surface[:1].casefold() and surface.islower():
        return 1.0
    return 0.15 if surface[:1].isupper() and named.start > 0 and not (surface.isupper() and len(surface) <= 4) else 0.55


def _test(inputs: Inputs, ref: ColumnRef, run: Sequence[_Named], *, partial: bool) -> Any:
    held = column(ref, inputs.dialect)
    texts = list(dict.fromkeys(one.places[ref].value for one in run))
    # A letter or two within quotation marks is all that the column holds, a grade or a code.
    if partial and min(map(len, texts)) > 2:
        tests = [contains_text(held.copy(), text) for text in texts]
        return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests, copy=False, wrap=False))
    # A masked value is known as the question writes it, not as it is stored.
    if any(one.places[ref].masked for one in run):
        held, texts = lower(held), [text.lower() for text in texts]
    if len(texts) == 1:
        return compare("=", held, _stored_literal(inputs, ref, texts[0]))
    return exp.In(this=held, expressions=[_stored_literal(inputs, ref, text) for text in texts])


def _stored_literal(inputs: Inputs, ref: ColumnRef, text: str) -> Any:
    """A number where the column stores numbers, else a text."""
    stored = inputs.stored(inputs.view.index[ref])
    if stored and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in stored):
        try:
            return literal(float(text))
        except ValueError:
            return literal(text)
    return literal(text)
