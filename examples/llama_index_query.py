"""A query engine over a database, and retrieved nodes cut to a budget.

pip install 'ctxprune-middleware[llama-index]'
python examples/llama_index_query.py
"""

import sqlite3
import tempfile
from pathlib import Path

from llama_index.core.schema import NodeWithScore, TextNode

from ctxprune.integrations.llama_index import PruningPostprocessor, SQLQueryEngine
from ctxprune.sql import Database, Pipeline


def main() -> None:
    """What a retriever found, pruned; then a question to a database."""
    nodes = [
        NodeWithScore(node=TextNode(text="The bridge is long. It was painted red. It did open in 1933."), score=0.9),
        NodeWithScore(node=TextNode(text="Cats sleep. Dogs bark."), score=0.2),
    ]
    kept = PruningPostprocessor(budget=20).postprocess_nodes(nodes, query_str="When did the bridge open?")
    print([scored.node.text for scored in kept])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.sqlite")
        with sqlite3.connect(path) as shop:
            shop.executescript(
                "CREATE TABLE city (name TEXT, country TEXT); INSERT INTO city VALUES ('Paris', 'France');"
            )
        shop.close()
        with Database(path) as database:
            response = SQLQueryEngine(Pipeline(database)).query("How many cities are in France?")
    print(response, response.metadata["outcome"])


if __name__ == "__main__":
    main()
