"""Words that names are shortened to: those that are usual in databases ("ward_nm"), and left-out letters ("mgr")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ABBREVIATIONS", "has_letters_in_order", "spell_out"]

#: Abbreviation to what it stands for; "" for parts that say how a table is used and not what it holds.
ABBREVIATIONS = {
    "acct": "account", "addr": "address", "amt": "amount", "avg": "average", "bal": "balance", "bldg": "building",
    "ccy": "currency", "cd": "code", "cls": "class", "cnt": "count", "ctry": "country", "cust": "customer",
    "dept": "department", "desc": "description", "disc": "discount", "dob": "date of birth", "dod": "date of death",
    "dt": "date", "dtl": "", "dur": "duration", "emp": "employee", "flg": "flag", "flr": "floor", "fst": "first",
    "grp": "group", "hdr": "", "lang": "language", "lst": "last", "lvl": "level", "mfr": "manufacturer",
    "mgr": "manager", "mst": "", "mstr": "", "nbr": "number", "nm": "name", "num": "number", "ord": "order",
    "pct": "percent", "pmt": "payment", "proc": "procedure", "prod": "product", "qty": "quantity", "rgn": "region",
    "sal": "salary", "stat": "status", "stf": "staff", "stk": "stock", "sts": "status", "tbl": "", "ttl": "total",
    "tx": "transaction", "txn": "transaction", "typ": "type", "upd": "updated", "usr": "user", "val": "value",
    "yr": "year",
}  # fmt: skip


def has_letters_in_order(short: str, word: str) -> bool:
    """Whether all letters of `short` occur in `word`, in this order: "mgr" in "manager".

    What else makes `short` an abbreviation (its length, its first or last letter, no vowels) depends on what else could
    be meant, so that each reader of names adds its own conditions.
    """
    letters = iter(word)
    return all(letter in letters for letter in short)


def spell_out(words: Iterable[str]) -> list[str]:
    """The folded words of a name with its abbreviations in full; the words as they are where nothing else is left."""
    given = list(words)
    full = [part for word in given for part in ABBREVIATIONS.get(word, word).split()]
    return full or given
