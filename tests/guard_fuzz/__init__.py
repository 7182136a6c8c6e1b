"""Random SQL that looks for hidden columns and tables in what the guard lets through.

Two databases of one engine differ only in what the caller may not see: values of hidden columns, rows of hidden tables,
names of a few hidden columns. A statement that the guard allows must give the same rows, or the same error, on both.

    from guard_fuzz import ENGINES, Fuzzer, Writer, schema

    with ENGINES["sqlite"]() as pair:
        print(Fuzzer("sqlite", pair).run(Writer("sqlite", seed=0), 1000))
"""

from __future__ import annotations

from .engines import ENGINES, Pair
from .fuzzer import Fuzzer, Leak, Tally
from .grammar import Writer
from .mutator import Mutator
from .tables import schema

__all__ = ["ENGINES", "Fuzzer", "Leak", "Mutator", "Pair", "Tally", "Writer", "schema"]
