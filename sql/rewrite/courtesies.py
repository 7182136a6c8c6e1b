"""Words in a conversation that ask for nothing: "Great!", "Hello, how are you?", "update this list to show"."""

from __future__ import annotations

import re

__all__ = ["strip_courtesies"]

# A comma may also belong to a list of names ("Nice, Paris and Lyon"), so a question or request must begin behind it.
_OPENING = re.compile(
    r"\s*(?:(?:oh|ah|wow|yes|yeah|ok|okay|alright|all right|great|nice|good|perfect|excellent|wonderful|awesome|cool"
    r"|amazing|fantastic|fine|super|lovely|hi|hello|hey|sorry|thanks|thank you|thank you very much|thanks a lot"
    r"|got it|i see|well|good (?:morning|afternoon|evening)|very (?:good|nice)|how are you)\b"
    r"(?:\s+(?:there|again|job|work|then|now))?\s*"
    r"(?:[!.?…]+\s*|,\s*(?=(?:and|but|now|then|please|how|what|which|who|whose|where|when|can|could|would|do|does|is|are"
    r"|show|list|give|tell|find|delete|drop|ok|okay|thanks|thank|hi|hello|sorry)\b)))+(?=\S)",
    re.IGNORECASE,
)
_SHOWS = re.compile(
    r"\b(?:update|change|modify|adjust|extend|expand|edit)\s+(?:this|that|the|your|my)\s+"
    r"(?:list|results?|answer|output|response)\s+(?:so that it\s+(?:shows|includes|lists)|to\s+(?:also\s+)?"
    r"(?:show|include|list|display|give|contain))\b",
    re.IGNORECASE,
)


def strip_courtesies(text: str) -> str:
    """`text` without opening interjections, and with "also show" for "update this list to show", which changes no data.

    A text that consists of nothing else stays as it is.
    """
    found = _OPENING.match(text)
    rest = text[found.end() :] if found else text
    return _SHOWS.sub("also show", rest)
