from __future__ import annotations

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.policies import TopK
from ctxprune.pruning.pruner import prune
from ctxprune.rag import HtmlPage, JsonDocument, JsonSchema, Log, Passage, Passages, Table, Tools
from ctxprune.scorers.base import score_batch, score_documents, score_documents_batch
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.structured import StructuredScorer
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.json import JsonScorer
from ctxprune.scorers.structured.log import LogScorer
from ctxprune.scorers.structured.names import NamesScorer
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.tabular import TabularScorer

TABLE = Table("Year,City\n1896,Athens\n1900,Paris\n1904,St. Louis\n")
LOG = Log("INFO a 1\nINFO a 2\nERROR in Paris\n")
TEXT = Passages(["Paris was next. Athens was first.", "Cats sleep."])
PAGE = HtmlPage("<h1>Games</h1><table><tr><th>Year<th>City<tr><td>1900<td>Paris<tr><td>1896<td>Athens</table><p>Text.")
SCHEMA = JsonSchema({"properties": {"games_year": {}, "cityName": {"description": "Paris, for instance."}}})
TOOLS = Tools([{"name": "find_city", "description": "Where it is."}, {"name": "next_paris_train", "description": ""}])
JSON = JsonDocument('{"games": {"next_city": "Paris", "year": 1900}, "cities": [{"city": "Paris", "year": 1900}]}')
OTHERS = {
    "json": (JSON, lambda scorer: JsonScorer(TabularScorer(scorer))),
    "page": (PAGE, lambda scorer: PageScorer(TabularScorer(TitledScorer(scorer)))),
    "table": (TABLE, TabularScorer),
    "log": (LOG, LogScorer),
    "schema": (SCHEMA, NamesScorer),
    "text": (TEXT, lambda scorer: scorer),
    "tool": (TOOLS, NamesScorer),
}


@pytest.mark.parametrize("form", sorted(OTHERS))
def test_each_form_is_scored_by_its_scorer(form):
    context, wrapper = OTHERS[form]
    # Plain BM25 is not wrapped for tools: the scorer of names reads their fields by itself.
    inner = None if form == "tool" else LexicalScorer()
    expected = wrapper(inner).score("When was Paris?", context)
    assert StructuredScorer(LexicalScorer()).score("When was Paris?", context).tolist() == expected.tolist()


def test_a_batch_of_all_forms_is_what_each_gets_alone():
    scorer = StructuredScorer(LexicalScorer())
    contexts = [TEXT, LOG, PAGE, Passage("Paris."), TABLE, TOOLS, SCHEMA]
    queries = ["Paris?", "error", "When was Paris?", "Paris", "How many cities?", "Paris", "the city"]
    for found, query, context in zip(score_batch(scorer, queries, contexts), queries, contexts, strict=True):
        np.testing.assert_array_equal(found, scorer.score(query, context))
    pairs = score_documents_batch(scorer, queries, contexts)
    for (units, documents), query, context in zip(pairs, queries, contexts, strict=True):
        alone = score_documents(scorer, query, context)
        np.testing.assert_array_equal(units, alone[0])
        np.testing.assert_array_equal(documents, alone[1])


def test_the_account_names_the_scorer_that_read():
    scorer = StructuredScorer(LexicalScorer())
    names = [prune("Paris", context, scorer=scorer, policy=TopK(1)).scorer for context in (TEXT, LOG, TABLE, PAGE)]
    assert names == ["lexical.v1", "log.v1", "tabular.v1", "page.v1"]


def test_by_default_a_table_is_read_as_a_table():
    result = prune("Which city was in 1904?", TABLE, policy=TopK(1))
    assert (result.output, result.scorer) == ("Year,City\n1904,St. Louis\n", "tabular.v1")
    assert prune("Which city?", Passage("A city. A cat."), policy=TopK(1)).scorer == "mixture.v1"


def test_of_a_cascade_the_cheap_scorer_reads_tools_and_the_whole_one_schemas():
    scorer = StructuredScorer()
    assert scorer.for_context(TOOLS) == NamesScorer()
    assert isinstance(scorer.scorer, MixtureScorer)
    assert scorer.for_context(SCHEMA) == NamesScorer(scorer.scorer.model_alone)


def test_the_cheap_scorer_reads_every_form_by_words():
    assert StructuredScorer().cheap == StructuredScorer(MixtureScorer().cheap)
    assert StructuredScorer(MixtureScorer()).cheap.for_context(TABLE) == TabularScorer(TitledScorer())
    words = StructuredScorer(LexicalScorer())
    assert words.cheap is words


def test_what_is_no_scorer_is_refused():
    with pytest.raises(UsageError, match="give a scorer"):
        StructuredScorer("lexical")
