"""Words that carry the grammar of a question, in classes: the first word of a class stands for all of it."""

from __future__ import annotations

__all__ = ["cue_class"]

# Compiled by hand from general knowledge of English questions about data.
_GROUPS = (
    "MOST most highest largest biggest maximum max greatest longest oldest best top latest newest tallest fastest "
    "heaviest richest strongest busiest hottest deepest widest farthest furthest hardest warmest brightest recent "
    "priciest "
    "popular common frequent expensive frequently commonly recently maximal first leading",
    "LEAST least lowest smallest minimum min fewest shortest youngest worst earliest cheapest slowest lightest weakest "
    "coldest shallowest narrowest nearest closest easiest poorest bottom minimal rarest",
    "MORE more greater larger higher bigger above over exceeding exceed exceeds exceeded older longer after later "
    "taller heavier faster beyond superior richer better newer surpass surpasses",
    "LESS less fewer smaller lower below under younger shorter before earlier cheaper lighter slower prior beneath "
    "worse poorer",
    "NOT not no never without except excluding exclude neither nor isn't aren't don't doesn't didn't haven't hasn't "
    "wasn't weren't cannot can't lack lacks lacking none nobody unless other",
    "EACH each every per respective respectively",
    "SUM sum total totals overall combined altogether",
    "AVG average averages mean averaged",
    "COUNT count counts number amount many",
    "DIST distinct different unique various",
    "DESC descending decreasing reverse descendingly decreasingly",
    "ASC ascending increasing alphabetical alphabetic alphabetically lexicographical lexicographic lexicographically "
    "increasingly ascendingly",
    "SORT sort sorted order ordered ordering rank ranked arranged listed",
    "LIKE contain contains containing contained includes include including substring start starts begins begin "
    "beginning starting end ends ending phrase letter letters word prefix",
    "BOTH both also well",
    "SHOW show list give return display tell find present provide output print fetch get enumerate",
    "BETWEEN between ranging",
    "SAME same share shared",
    "ANY any some at",
    "ALL all everything entire",
    "EXACT exactly only precisely just",
)
# Reversed, so that a word of two groups belongs to the earlier one.
_CLASS = {word: group.split()[0] for group in reversed(_GROUPS) for word in group.split()[1:]}


def cue_class(word: str) -> str:
    """The class of a folded word in capitals, "" for a word without one."""
    return _CLASS.get(word, "")
