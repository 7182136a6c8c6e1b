"""Measures over several columns and tables: quantity times price, what is still to be paid, sums for each order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from .names import key_column
from .plan import column
from .term import Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sketch.view import ColumnFacts
    from .lexicon import Lexicon
    from .term import Topic

__all__ = ["OWED_AMOUNT", "SOLD", "SPENT", "UNITS", "MeasureTerms"]

SOLD = re.compile(
    r"\b(?:revenues?|sales|spen[dt]|spends|spending|expenditures?|values?|costs?|prices?|worth|turnover|earnings|proceeds)\b"
)
OWED_AMOUNT = re.compile(
    r"\b(?:outstanding|unpaid|owed|owing|remaining)\s+(?:amounts?|balances?|totals?|debts?|sums?|money)\b|"
    r"\b(?:amount|balance|money)\s+(?:outstanding|owed|owing)\b"
)
_OWED = re.compile(
    r"^(?:(?:the|total|sum\s+of|overall)\s+)*(?:amount\s+)?(?:outstanding|unpaid|owed|owing|remaining)"
    r"(?:\s+(?:amounts?|balances?|totals?|debts?|sums?|money|payments?))?\b|^(?:the\s+)?(?:amount|balance)\s+(?:outstanding|owed|due)\b"
)
SPENT = re.compile(r"\b(?:revenues?|sales|turnover|proceeds|earnings|spen[dt]|spending)\b")
_WHOLE = frozenset({"revenue", "revenues", "sales", "turnover", "proceeds", "earnings"})
UNITS = re.compile(r"\b(?:units?|items|pieces|copies)\b")
_SALES, _OTHER, _UNIT, _OWED_SCORE = 0.92, 0.75, 0.96, 0.97  # scores of what a word means, and of what it may mean
_AFAR = 0.9  # for a price in the table that a line refers to
_DISCOUNTED = 0.5
_QUANTITY, _PRICE = frozenset(map(stem, ("quantity", "qty"))), stem("price")
_PAID, _WHOLES = stem("paid"), frozenset(map(stem, ("total", "amount", "invoiced", "billed", "due", "charged")))
_DISCOUNT = stem("discount")
_PAYMENT = stem("payment")


@dataclass(frozen=True)
class MeasureTerms:
    """Measures that one schema has columns for."""

    lexicon: Lexicon

    @cached_property
    def products(self) -> tuple[Term, ...]:
        """Quantity times price, in the table of lines or with the price of what a line refers to."""
        found: list[Term] = []
        for table in range(len(self.lexicon.view.tables)):
            own = self._numbers(table)
            found += self._per_unit(own)
            quantity = next((facts for facts in own if _QUANTITY & set(facts.name.stems)), None)
            if quantity is None or quantity.ref.table in self.lexicon.roles.by_name:
                continue
            prices = [(facts, 1.0) for facts in own if _PRICE in facts.name.stems][:1]
            prices = prices or [(facts, _AFAR) for facts in self._afar(quantity.ref.table)]
            for price, score in prices[:2]:
                product: Any = exp.Mul(this=column(quantity.ref), expression=column(price.ref))
                found.append(Term(score, (product,), quantity.ref.table))
                discount = next((facts for facts in own if _DISCOUNT in facts.name.stems), None)
                if discount is not None:
                    rest = exp.Paren(this=exp.Sub(this=exp.Literal.number(1), expression=column(discount.ref)))
                    found.append(
                        Term(score * _DISCOUNTED, (exp.Mul(this=product.copy(), expression=rest),), quantity.ref.table)
                    )
        return tuple(found)

    def _per_unit(self, own: Sequence[ColumnFacts]) -> list[Term]:
        """ "price per ton" times the tons of the same row."""
        found: list[Term] = []
        for price in own:
            unit = price.name.stems[price.name.stems.index("per") + 1 :] if "per" in price.name.stems else ()
            amount = next((facts for facts in own if unit and facts.name.stems == unit), None)
            if amount is not None and amount.ref.table not in self.lexicon.roles.by_name:
                product: Any = exp.Mul(this=column(amount.ref), expression=column(price.ref))
                found.append(Term(1.0, (product,), amount.ref.table))
        return found

    @cached_property
    def debts(self) -> tuple[Term, ...]:
        """What was invoiced less what was paid, in one table or in two."""
        found: list[Term] = []
        for table in range(len(self.lexicon.view.tables)):
            own = self._numbers(table)
            paid = next((facts for facts in own if _PAID in facts.name.stems), None)
            whole = next(
                (f for f in own if f is not paid and _WHOLES & set(f.name.stems) and _PAID not in f.name.stems), None
            )
            if whole is None or whole.ref.table in self.lexicon.roles.by_name:
                continue
            if paid is not None:
                found.append(
                    Term(1.0, (exp.Sub(this=column(whole.ref), expression=column(paid.ref)),), whole.ref.table)
                )
            else:
                found += self._less_payments(whole)
        return tuple(found)

    def _less_payments(self, whole: ColumnFacts) -> list[Term]:
        """An amount less the sum of the payments that refer to its row."""
        view = self.lexicon.view
        found = []
        for key in view.schema.foreign_keys:
            if key.ref_table != whole.ref.table or len(key.columns) != 1 or key.table not in view.table_index:
                continue
            number = view.table_index[key.table]
            if _PAYMENT not in view.tables[number].stems:
                continue
            amount = next(
                (f for f in self._numbers(number) if {stem("amount"), _PAID, stem("value")} & set(f.name.stems)), None
            )
            if amount is None:
                continue
            inner = exp.select(exp.Sum(this=exp.column(amount.ref.column, table="paid")))
            inner = inner.from_(
                exp.Table(this=exp.to_identifier(key.table), alias=exp.TableAlias(this=exp.to_identifier("paid")))
            )
            here = exp.column(key.ref_columns[0], table=key.ref_table)
            inner = inner.where(exp.EQ(this=exp.column(key.columns[0], table="paid"), expression=here))
            known = exp.Coalesce(this=exp.Subquery(this=inner), expressions=[exp.Literal.number(0)])
            found.append(Term(0.9, (exp.Sub(this=column(whole.ref), expression=known),), whole.ref.table))
        return found

    def sold(self, phrase: str) -> list[Term]:
        """Quantity times price for what is sold or spent; [] where the phrase speaks of something else."""
        match = SOLD.search(phrase)
        if match is None:
            return []
        score = _SALES if match[0] in _WHOLE else _OTHER
        return [term.scaled(score) for term in self.products]

    def owed(self, phrase: str) -> list[Term]:
        """What is still to be paid, for "outstanding amount"."""
        return [term.scaled(_OWED_SCORE) for term in self.debts] if _OWED.search(phrase) else []

    def units(self, phrase: str, topic: Topic) -> list[Term]:
        """Quantities, for "units sold"; where a table of the question is called so, it is meant."""
        match = UNITS.search(phrase)
        if match is None or any(one.score >= 0.9 for one in self.lexicon.tables(match[0])):
            return []
        view = self.lexicon.view
        found = []
        for table in range(len(view.tables)):
            for facts in self._numbers(table):
                if _QUANTITY & set(facts.name.stems) and facts.ref.table not in self.lexicon.roles.by_name:
                    near = 0.04 * topic.focus.get(table, 0.0)
                    found.append(Term(min(_UNIT + near, 1.0), (column(facts.ref),), facts.ref.table))
        return found

    def near(self) -> frozenset[int]:
        """Tables of the lines that are sold, and those that they refer to."""
        view = self.lexicon.view
        names = {term.table for term in self.products}
        names |= {key.ref_table for key in view.schema.foreign_keys if key.table in names}
        return frozenset(view.table_index[name] for name in names if name in view.table_index)

    def _numbers(self, table: int) -> Sequence[ColumnFacts]:
        return [facts for facts in self.lexicon.view.columns if facts.table == table and facts.kind == "number"]

    def _afar(self, table: str) -> list[ColumnFacts]:
        """Prices of the tables that a table refers to."""
        view = self.lexicon.view
        others = [
            key.ref_table
            for key in view.schema.foreign_keys
            if key.table == table and key.ref_table in view.table_index
        ]
        return [
            facts
            for other in dict.fromkeys(others)
            for facts in self._numbers(view.table_index[other])
            if _PRICE in facts.name.stems and key_column(view.schema.table(other)) is not None
        ]
