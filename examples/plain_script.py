"""Retrieved texts cut to a budget, with citations; and a question to a database. Needs no extra and no model.

python examples/plain_script.py
"""

import sqlite3
import tempfile
from pathlib import Path

from ctxprune import Pruner, TokenBudget
from ctxprune.rag import PassagePruner, Passages
from ctxprune.sql import Database, Pipeline

RETRIEVED = {
    "history.md": "The bridge crosses the river at its narrowest place. It opened in 1933. Toll was paid until 1960.",
    "visit.md": "The park is open all year. Dogs are welcome. The ferry to the island leaves from the bridge.",
    "works.md": "The bridge was painted in 2011. The work took two summers.",
}


def cite(question: str, budget: int) -> str:
    """The kept sentences, each with the file and the characters that it stands at."""
    names, texts = list(RETRIEVED), list(RETRIEVED.values())
    kept = Pruner(policy=TokenBudget(budget)).prune(question, Passages(texts))
    lines = []
    for unit in kept.kept:
        start, end = unit.span
        lines.append(f"{texts[unit.source or 0][start:end].strip()}  [{names[unit.source or 0]}:{start}-{end}]")
    return "\n".join(lines)


def ask(question: str, folder: Path) -> str:
    """The answer of a small database, with how sure it is."""
    path = folder / "shop.sqlite"
    with sqlite3.connect(path) as shop:
        shop.executescript("""
            CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
            INSERT INTO customer VALUES (1, 'Ana', 'São Paulo'), (2, 'Bruno', 'São Paulo'), (3, 'Chloé', 'Paris');
        """)
    shop.close()
    with Database(path) as database:
        answer = Pipeline(database).ask(question)
    return f"{answer.sql}\n{answer.rows} ({answer.outcome}, {answer.confidence:.2f})"


if __name__ == "__main__":
    print(cite("When did the bridge open?", budget=30))
    ranked = PassagePruner().rank("When did the bridge open?", list(RETRIEVED.values()), top_k=2)
    print([list(RETRIEVED)[hit["corpus_id"]] for hit in ranked])
    with tempfile.TemporaryDirectory() as folder:
        print(ask("How many customers are in sao paulo?", Path(folder)))
