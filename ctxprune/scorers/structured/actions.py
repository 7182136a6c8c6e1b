"""What tools do: the verbs of questions, of names and of descriptions, by their meaning."""

from __future__ import annotations

from ctxprune.text.words import split_identifier, stem

__all__ = ["ACTIONS", "KINDS", "find_actions"]

KINDS = {
    "read": "browse check describe display fetch find get inspect list lookup query read retrieve return search see "
    "show view",
    "make": "add allocate build create define generate insert issue make new open provision put register",
    "drop": "clear delete deregister destroy detach discard disassociate drop erase purge release remove revoke "
    "terminate unregister",
    "change": "adjust alter change configure edit modify patch rename replace reset set update",
    "start": "begin execute initiate invoke launch resume run start trigger",
    "stop": "abort cancel end halt pause stop suspend",
    "enable": "activate allow enable",
    "disable": "deactivate deny disable",
    "attach": "assign associate attach connect join link",
    "send": "notify post publish push send submit",
    "copy": "clone copy duplicate replicate",
    "restore": "recover restore",
    "import": "import load upload",
    "export": "download dump export",
}
ACTIONS = {stem(word): kind for kind, words in enumerate(KINDS.values()) for word in words.split()}
"""The number of the kind, in `KINDS`, of each verb by its stem."""
_OPENING = 3  # words of a description among which its verb is looked for


def find_actions(name: list[str], text: str) -> list[int]:
    """The kinds of the first verb of a name (its stems), and of those with which a text goes on after ": "."""
    first = next((ACTIONS[word] for word in name if word in ACTIONS), None)
    opening = [stem(word) for word in split_identifier(text.partition(": ")[2][:100])][:_OPENING]
    return [*([] if first is None else [first]), *(ACTIONS[word] for word in opening if word in ACTIONS)]
