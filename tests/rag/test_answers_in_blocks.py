"""The row or line that answers stays at small budgets: tables, YAML and code, in Markdown and in plain text."""

from __future__ import annotations

import re

import pytest

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import BudgetError
from ctxprune.rag import PassageOptions, Passages
from ctxprune.scorers.lexical import LexicalScorer

FRUIT = (
    "Prices below.\n\n| fruit | price |\n|---|---|\n| apple | 3 |\n| pear | 4 |\n| kiwi | 2 |\n\nAll in euros.\n",
    "What is the price of the pear?",
    "| pear | 4 |",
)
ORIGINS = (
    "# Prices\n\nIntro text.\n\n| fruit | price | origin |\n|---|---|---|\n| apple | 3 | France |\n"
    "| plum | 6 | Serbia |\n| pear | 4 | Spain |\n| kiwi | 2 | Italy |\n| fig | 9 | Turkey |\n"
    "| lime | 1 | Mexico |\n| date | 8 | Egypt |\n"
    "| grape | 5 | Greece |\n\nClosing text.\n",
    "What is the price of the pear?",
    "| pear | 4 | Spain |",
)
BOATS = (
    "Harbour rules apply.\n\n| boat | fee | berth |\n|---|---|---|\n| sloop | 12 | north |\n| ketch | 18 | east |\n"
    "| yawl | 25 | south |\n| barge | 40 | west |\n\nPay at the office.\n",
    "What is the fee for a yawl?",
    "| yawl | 25 | south |",
)
PEOPLE = (
    "| name | city | year |\n|---|---|---|\n| Ada | London | 1815 |\n| Emmy | Erlangen | 1882 |\n"
    "| Grace | New York | 1906 |\n| Alan | London | 1912 |\n",
    "In which year was Grace born?",
    "| Grace | New York | 1906 |",
)
YAML = (
    "Settings follow.\n\n```yaml\nname: app\nport: 8080\ntimeout: 30s\nlog: debug\nretries: 5\nhost: local\n```\n"
    "\nEnd.\n",
    "What is the timeout?",
    "timeout: 30s",
)
CODE = (
    "# Tools\n\nSee below.\n\n```python\ndef area(width, height):\n    return width * height\n\n"
    "def volume(width, height, depth):\n    return width * height * depth\n\n"
    "def perimeter(width, height):\n    return 2 * (width + height)\n```\n\nDone.\n",
    "How is the volume computed?",
    "def volume(width, height, depth):",
)
# The least budget from which each budget up to 60 keeps the answer: as Markdown, in plain text.
CASES = {"fruit": (FRUIT, 24, 8), "origins": (ORIGINS, 24, 12), "boats": (BOATS, 26, 14), "people": (PEOPLE, 26, 14),
         "yaml": (YAML, 12, 10), "code": (CODE, 18, 14)}  # fmt: skip


def prune(text: str, question: str, budget: int, *, markdown: bool) -> str:
    passages = Passages([text], options=PassageOptions(markdown=markdown))
    pruned = Pruner(LexicalScorer(), TokenBudget(budget)).prune(question, passages)
    assert pruned.tokens_after <= budget
    return pruned.output[0]


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_the_line_that_answers_is_kept_from_a_small_budget_on(name: str, markdown: bool) -> None:
    (text, question, answer), *least = CASES[name]
    for budget in range(least[not markdown], 61):
        assert answer in prune(text, question, budget, markdown=markdown), budget


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_headers_and_fences_never_stand_alone(name: str, markdown: bool) -> None:
    text, question, _ = CASES[name][0]
    for budget in range(5, 61):  # in plain text a fence is a line as any other: with less, nothing else may fit
        try:
            output = prune(text, question, budget, markdown=markdown)
        except BudgetError:
            continue
        lines = [line for line in output.split("\n") if line.strip()]
        tabled = [line for line in lines if line.startswith("|")]
        assert tabled != tabled[:2] or not tabled or "|---" not in "".join(tabled), (budget, output)
        assert not all(line.startswith("```") for line in lines), (budget, output)


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_the_budget_that_an_error_names_is_enough(name: str, markdown: bool) -> None:
    text, question, _ = CASES[name][0]
    for budget in range(1, 30):
        try:
            prune(text, question, budget, markdown=markdown)
        except BudgetError as error:
            for named in re.findall(r"a budget of ([0-9]+) holds|one of ([0-9]+) holds", str(error)):
                enough = int("".join(named))
                assert enough > budget
                assert prune(text, question, enough, markdown=markdown)
