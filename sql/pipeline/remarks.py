"""What is odd about a question as a whole: it is SQL already, is in another language, or lost characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, words

from ..account.lexicon import word_set
from ..knowledge.entries import Term
from ..knowledge.recall import find_term_words
from ..linking.doubts import Doubt
from ..select.forms import read_form
from ..trust.outcome import ANSWERED, TENTATIVE
from ..trust.support import OWN_GENERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import Schema
    from .steps import State

__all__ = ["add_remarks", "is_other_language", "is_query"]

_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]")
_SELECT = re.compile(r"\s*(?:select|with)\b.*\bfrom\b", re.IGNORECASE | re.DOTALL)
_LONGEST_SQL = 4_000
_OTHER_SCRIPT = 0.5  # share of letters of another script from which a question is not read
# Function words of German, French, Spanish, Italian, Portuguese and Dutch that are no common English words.
_OTHER_WORDS = word_set(
    "wie viele wieviele welche welcher welches gibt der das und ist sind haben hat den dem ein eine einen wer wo "
    "zeige von mit im für combien quel quelle quels quelles les des est sont une dans avec qui où liste tous "
    "cuántos cuántas cuantos cuantas cuál cuáles qué quién los las del hay una son muestra todos quanti quante quale "
    "quali gli della dei chi dove mostra tutti quantos quantas qual quais os uma existem há mostre hoeveel welke zijn "
    "er het een zijn heeft toon van"
)
# Alone they are enough: they ask how many.
_HOW_MANY = word_set("wieviele wieviel combien cuántos cuántas cuantos cuantas quanti quante quantos quantas hoeveel")
_LEAST_WORDS = 2  # of another language that are needed


def add_remarks(state: State, question: str) -> State:
    """The state of an answered question with a doubt for each remark, and of a refused one with the remark as a hint.

    Args:
        state: The last state.
        question: As the caller gave it.
    """
    told: list[str] = [
        *(("the question is SQL already; run it as it is, with Database.execute or a SQL client",)
          if is_query(question, state.schema) else ()),
        *(("the question held characters that are no text, which were left out: is its encoding UTF-8?",)
          if _BROKEN.search(question) else ()),
        *(("without a language model only questions in English are read",)
          if _reads_english_only(state) and is_other_language(question) else ()),
        *(_unread_terms(state) if _reads_english_only(state) else ()),
    ]  # fmt: skip
    if not told:
        return state
    if state.refusal is not None:
        reason = f"{state.refusal.reason} {' '.join(f'{one[0].upper()}{one[1:]}.' for one in told)}"
        return replace(state, refusal=replace(state.refusal, reason=reason))
    found = state.assessment
    if found is None:
        return state
    doubts = (*(Doubt("", (0, 0), one) for one in told), *found.doubts)
    outcome = TENTATIVE if found.outcome == ANSWERED else found.outcome
    return replace(state, assessment=replace(found, outcome=outcome, doubts=doubts))


def _unread_terms(state: State) -> Iterator[str]:
    """What to say of the team's terms in the question that the chosen query has no column of."""
    selection = state.selection
    if state.known is None or selection is None or selection.index is None:
        return
    chosen = state.executed[selection.index]
    form = read_form(chosen.sql, state.schema.dialect)
    if form is None or chosen.candidate.generator.partition("#")[0] == "learned.v1":
        return
    for term in state.known.entries:
        if not isinstance(term, Term) or not find_term_words(term.term, state.question):
            continue
        columns = {name.rpartition(".")[2].casefold() for name in term.columns}
        if not columns:
            yield f"the term {term.term!r} names no column of the database, so that it may have been read wrongly"
        elif columns.isdisjoint(form.columns):
            yield f"the query has no column of the term {term.term!r}, which means: {term.meaning}"


def _reads_english_only(state: State) -> bool:
    """Whether no chat model took part."""
    return all(one.generator.partition("#")[0] in OWN_GENERATORS for one in state.candidates)


def is_query(question: str, schema: Schema) -> bool:
    """Whether a question is a SELECT statement over tables of the schema; False for what cannot be parsed."""
    if len(question) > _LONGEST_SQL or not _SELECT.match(question):
        return False
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(question.strip().rstrip(";?"), read=schema.dialect)
    except (SqlglotError, RecursionError):
        return False
    if not isinstance(tree, exp.Query):
        return False
    tables = {table.name for table in tree.find_all(exp.Table)} - {cte.alias for cte in tree.find_all(exp.CTE)}
    columns = {column.name for column in tree.find_all(exp.Column)}
    known = {ref.column.casefold() for ref in schema.refs()}
    return bool(tables) and all(name in schema for name in tables) and {c.casefold() for c in columns} <= known


def is_other_language(question: str) -> bool:
    """Whether a question is written in another script than Latin, or mostly with function words of another language."""
    letters = [char for char in question if char.isalpha()]
    other = sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters)
    if letters and other / len(letters) >= _OTHER_SCRIPT:
        return True
    said = [word.casefold() for word in re.findall(r"[^\W\d_]+", question)]
    english = sum(word in STOP_WORDS for word in words(question))
    strange = sum(word in _OTHER_WORDS for word in said)
    return strange > english and (strange >= _LEAST_WORDS or not _HOW_MANY.isdisjoint(said))
