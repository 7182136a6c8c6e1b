"""Questions on databases: values, schema linking, SQL generation, execution and selection.

    from ctxprune.sql import Database, Pipeline

    with Database("shop.sqlite") as database:
        answer = Pipeline(database).ask("How many customers are in sao paulo?")
        answer.sql, answer.rows, answer.trace

Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
