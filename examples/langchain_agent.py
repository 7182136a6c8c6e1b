"""An agent with database tools whose long tool results are pruned before the model sees them.

    pip install 'ctxprune-middleware[agents]'
    python examples/langchain_agent.py

The model here follows a script, so that the example runs offline; put your own chat model in its place.
"""

import sqlite3
import tempfile
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from ctxprune.integrations.langchain import MessagePruner, PruningMiddleware, SQLToolkit
from ctxprune.sql import Database, Pipeline


class ScriptedModel(GenericFakeChatModel):
    """Says what it is given, one message a call."""

    def bind_tools(self, tools, **options):
        """A real model would be told the tools."""
        return self


def make_model() -> ScriptedModel:
    """Calls the tool `ask`, then answers from its result."""
    call = {"name": "ask", "args": {"question": "How many customers are in sao paulo?"}, "id": "1"}
    return ScriptedModel(
        messages=iter([AIMessage("", tool_calls=[call]), AIMessage("Two customers are in São Paulo.")])
    )


def main() -> None:
    """One question through the agent."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.sqlite")
        with sqlite3.connect(path) as shop:
            shop.executescript("""
                CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
                INSERT INTO customer VALUES (1, 'Ana', 'São Paulo'), (2, 'Bruno', 'São Paulo'), (3, 'Chloé', 'Paris');
            """)
        shop.close()
        with Database(path) as database:
            agent = create_agent(
                make_model(),
                SQLToolkit(pipeline=Pipeline(database)).get_tools(),
                middleware=[PruningMiddleware(MessagePruner(limit=800))],
            )
            said = agent.invoke({"messages": [("user", "How many customers are in sao paulo?")]})
    for message in said["messages"]:
        print(f"{message.type}: {message.content or message.tool_calls}")


if __name__ == "__main__":
    main()
