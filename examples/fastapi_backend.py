"""A route of your own backend that prunes what it retrieved before it asks a model.

pip install 'ctxprune-middleware[serve]'
uvicorn --app-dir examples fastapi_backend:app
curl -s 'http://127.0.0.1:8000/answer?question=When+did+the+bridge+open%3F'
"""

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import CtxpruneError
from ctxprune.rag import Passages

app = FastAPI()
pruner = Pruner(policy=TokenBudget(40))  # built once; safe to share between requests


class Answer(BaseModel):
    """What the route gives: the prompt's context, and what it saved."""

    context: str
    tokens_before: int
    tokens_after: int


def retrieve(question: str) -> list[str]:
    """Stands for your retriever."""
    return [
        "The bridge crosses the river at its narrowest place. It opened in 1933. Toll was paid until 1960.",
        "The park is open all year. Dogs are welcome. The ferry to the island leaves from the bridge.",
    ]


@app.get("/answer")
async def answer(question: str) -> Answer:
    """Prunes without blocking the event loop."""
    try:
        kept = await pruner.aprune(question, Passages(retrieve(question)))
    except CtxpruneError as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    context = "\n\n".join(text for text in kept.output if text)  # ask your model with this
    return Answer(context=context, tokens_before=kept.tokens_before, tokens_after=kept.tokens_after)


if __name__ == "__main__":
    from fastapi.testclient import TestClient

    print(TestClient(app).get("/answer", params={"question": "When did the bridge open?"}).json())
