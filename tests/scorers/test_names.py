"""Scoring things by their names: tools, properties."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.errors import UsageError
from ctxprune.rag import JsonSchema, Passage, Tools
from ctxprune.scorers import SCORERS
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.names import NamesScorer

ABOUT = {
    "cluster_describe": "Information about clusters.",
    "cluster_describe_parameter_groups": "Information about the groups of parameters of a cluster, cluster by cluster.",
    "cluster_delete": "Takes a cluster away.",
    "cluster_delete_snapshot": "Deletes a snapshot of a cluster.",
    "mail_send": "Sends a letter.",
    "station_put": "Create or update a station.",
}
TOOLS = Tools([{"name": name, "description": text} for name, text in ABOUT.items()])


def best(question: str) -> str:
    return list(ABOUT)[int(np.argmax(NamesScorer().score(question, TOOLS)))]


def test_the_shorter_name_that_says_it_all_wins() -> None:
    assert best("show the cluster") == "cluster_describe"
    assert best("show the parameters of the cluster") == "cluster_describe_parameter_groups"


def test_verbs_that_do_the_same_are_the_same() -> None:
    assert best("remove a cluster") == "cluster_delete"
    assert best("get details about a cluster") == "cluster_describe"
    assert best("change a station") == "station_put"  # by its description
    assert best("e-mail something") == "mail_send"


def test_nothing_in_common_scores_nothing() -> None:
    assert not NamesScorer().score("zebra", TOOLS).any()
    assert not NamesScorer().score("?", TOOLS).any()
    scores = NamesScorer().score("delete the snapshot of the cluster, whatever its parameter groups are", TOOLS)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("name", ["cust_nm", "CustomerName", "customer", "nom du client"])
def test_every_signal_of_a_name_leads_to_it(name: str) -> None:
    """An abbreviation, words written together, a part of it, another language: each alone, and better together."""
    others = ("order_date", "total", "warehouse_code", "status", "weight_kg", "remarks")
    schema = {"properties": {other: {"type": "string"} for other in others} | {name: {}}}
    scores = NamesScorer().score("customer name", JsonSchema(schema))
    assert scores[-1] > 2 * scores[:-1].max()
    described = {"properties": {**schema["properties"], name: {"description": "name of the customer"}}}
    assert NamesScorer().score("customer name", JsonSchema(described))[-1] > scores[-1]


def test_without_names_the_order_is_that_of_the_text() -> None:
    passage = Passage("The tower is high. The river is long and wide. Towers fall.")
    scores = NamesScorer().score("How high is the tower?", passage)
    assert np.array_equal(np.argsort(-scores), np.argsort(-LexicalScorer().score("How high is the tower?", passage)))


def test_no_units_and_wrong_arguments() -> None:
    assert NamesScorer().score("a", JsonSchema({})).shape == (0,)
    assert isinstance(SCORERS.get("names.v1")(), NamesScorer)
    with pytest.raises(UsageError, match="lexical"):
        NamesScorer(lexical="lexical.v1")


class Named:
    units = (Unit("bee: sting"), Unit("c"))
    names = ("", "")

    def render(self, kept: object) -> None: ...


def test_empty_names() -> None:
    assert NamesScorer().score("bee", Named())[0] > 0
