"""Pages under a token budget: what their tags cost, and the best block wherever it fits."""

from __future__ import annotations

import pytest

from ctxprune import Pruner, TokenBudget
from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html.options import HtmlOutput
from ctxprune.scorers import SCORERS
from ctxprune.tokens import as_counter

PAGE = (
    "<h1>Lakes</h1><p>Lake Garda is the largest lake in Italy and lies between Venice and Milan.</p>"
    "<p>Lake Iseo is 251 metres deep at its deepest point, which is near the island.</p>"
    "<table><tr><th>Lake<th>Area<th>Depth<tr><td>Garda<td>370<td>346<tr><td>Como<td>146<td>410</table>"
)
QUESTION = "how deep is lake Iseo?"


@pytest.mark.parametrize("output", ["html", "markdown", "text"])
@pytest.mark.parametrize("scorer", ["lexical.v1", "page.v1"])
def test_the_best_block_is_kept_at_every_budget_that_it_fits(output: HtmlOutput, scorer: str) -> None:
    page, counter = HtmlPage(PAGE, HtmlOptions(output=output, min_tokens=0)), as_counter()
    scores = SCORERS.get(scorer)().score(QUESTION, page)
    [best] = [index for index, unit in enumerate(page.units) if "Iseo" in unit.text]
    assert scores.argmax() == best
    # Its heading comes along where there is room for both.
    alone, headed = (counter.count(page.render(kept)) for kept in ([best], [0, best]))
    held = []
    for budget in range(20, 120):
        result = Pruner(scorer, TokenBudget(budget), on_empty="drop").prune(QUESTION, page)
        assert counter.count(result.output) == result.tokens_after <= budget
        held.append((page.units[best].text in result.output, "Lakes" in result.output))
    assert [whole for whole, _ in held] == [budget >= alone for budget in range(20, 120)]
    assert all(heading for budget, (_, heading) in enumerate(held, start=20) if budget >= headed)


@pytest.mark.parametrize("output", ["html", "markdown", "text"])
def test_a_unit_costs_what_it_adds(output: HtmlOutput) -> None:
    page, counter = HtmlPage(PAGE, HtmlOptions(output=output, min_tokens=0)), as_counter()
    costs = counter.count_many(page.cost_texts())
    for last in range(1, len(costs) + 1):
        assert abs(sum(costs[:last]) - counter.count(page.render(range(last)))) <= (1 if output == "html" else last)
