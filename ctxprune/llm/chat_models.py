"""Chat models by one word: a llama.cpp file, or an OpenAI-compatible server; and the classes that users build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.llm.langchain import InvokeModel, as_chat_model
from ctxprune.llm.limited import CallLimits, LimitedModel, Prices
from ctxprune.llm.llama_cpp import LlamaCppModel
from ctxprune.llm.openai import OpenAIModel

if TYPE_CHECKING:
    from ctxprune.llm.base import ChatModel

__all__ = [
    "CallLimits",
    "InvokeModel",
    "LimitedModel",
    "LlamaCppModel",
    "OpenAIModel",
    "Prices",
    "as_chat_model",
    "open_chat_model",
]


def open_chat_model(spec: str, *, api_key: str = "", threads: int | None = None) -> ChatModel:
    """A chat model from one word, as the command line takes it.

    Args:
        spec: A path of a GGUF file, or the base URL of an OpenAI-compatible server, with `#model-name` behind it
            where the server has several ("http://localhost:8000/v1#qwen").
        api_key: Sent to the server as a bearer token; "" for none.
        threads: Threads of a local model; None for its own choice.

    Raises:
        InputError: There is no such file.
        MissingExtraError: A file needs llama-cpp-python (extra `llm`).
        UsageError: The URL is malformed.
    """
    if spec.startswith(("http://", "https://")):
        url, _, model = spec.partition("#")
        return OpenAIModel(url, model, api_key=api_key)
    return LlamaCppModel(Path(spec), threads=threads)
