"""What replies left out is had back by the session that it was left out for."""

from __future__ import annotations

from .conftest import Tools


def test_a_foreign_id_gives_nothing_through_the_tools(tools: Tools) -> None:
    found = tools.call("prune", query="When?", text="Secret one. It opened in 1933. Cats sleep.", budget=8)
    other = Tools(tools.service, session="two", store=tools.store)
    refusal = other.refusal("recall", id=found["recall"], query="Secret one")
    assert refusal == other.refusal("recall", id="never given", query="Secret one")
    assert "Secret" in tools.call("recall", id=found["recall"], query="Secret one")["text"]
    other.close()
