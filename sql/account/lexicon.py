"""Words that carry the grammar of a question about data, by what they ask a query for. General English, no domain."""

from __future__ import annotations

import re

from ctxprune.text.words import STOP_WORDS

__all__ = [
    "GENERIC",
    "MEASURED",
    "MONTH_WORDS",
    "NEGATED",
    "ORDINALS",
    "SHORTEST_REST",
    "TEMPORAL",
    "TURNED",
    "UNITS",
    "VERBS",
    "cue_of",
    "is_adverb",
    "is_high",
    "is_opposite",
    "is_participle",
    "word_set",
]


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_CUES = {
    "count": "count counts number numbers",
    "sum": "sum total totals overall combined altogether",
    "average": "average averages avg mean averaged",
    "high": "most highest largest biggest maximum max greatest longest tallest heaviest richest strongest busiest "
    "hottest deepest widest farthest furthest hardest warmest brightest priciest popular frequent "
    "frequently expensive commonly maximal leading latest newest recent recently youngest top best "
    "fastest last costliest loudest dearest common commonest lengthiest",
    "low": "least lowest smallest minimum min fewest shortest poorest lightest weakest coldest shallowest "
    "narrowest nearest closest easiest bottom minimal rarest slowest cheapest worst oldest earliest "
    "eldest first slightest",
    "more": "more greater larger higher bigger above over exceed exceeds exceeding exceeded beyond longer taller "
    "heavier richer better pricier surpass surpasses faster wider deeper stronger later after since newer "
    "onwards onward younger starting costlier bettered outperform",
    "less": "less fewer smaller lower below under shorter cheaper lighter slower beneath worse poorer weaker "
    "before earlier until older elder prior narrower",
    "between": "between ranging",
    "not": "not no non never without except excluding exclude excludes neither nor none nobody isn't aren't "
    "don't doesn't didn't haven't hasn't hadn't wasn't weren't cannot can't won't lack lacks lacking "
    "unless other others otherwise",
    "missing": "missing empty blank null unknown unspecified unassigned",
    "each": "each every per respective respectively individually apiece",
    "distinct": "distinct different unique various",
    "descending": "descending decreasing reverse descendingly decreasingly desc",
    "ascending": "ascending increasing increasingly ascendingly asc",
    "sort": "sort sorted sorting rank ranked ranking arranged alphabetical alphabetic alphabetically "
    "chronological chronologically lexicographic lexicographical lexicographically",
    "like": "contain contains containing contained substring start starts begin begins beginning starting end "
    "ends ending prefix suffix word words letter letters phrase phrases string character characters text",
    "ratio": "percentage percentages percent ratio ratios proportion fraction share rate",
    "difference": "difference differences",
    "money": "revenue revenues sales turnover income proceeds earnings spent spend spends spending spendings "
    "expenditure expenditures worth value values",
    "change": "length duration durations elapsed change changes increase decrease growth gap",
    "several": "multiple several repeated duplicate duplicates",
}
# Reversed, so that a word of two groups belongs to the earlier one.
_CUE_OF = {word: name for name, words in reversed(_CUES.items()) for word in words.split()}

# Superlatives and comparatives that turn with the kind of the column: of days the oldest is the smallest, of ages the
# largest. Given here is the direction for days.
TURNED = {
    "oldest": "low", "eldest": "low", "youngest": "high", "newest": "high", "latest": "high", "earliest": "low",
    "recent": "high", "recently": "high", "older": "less", "elder": "less", "younger": "more", "newer": "more",
    "longest": "low", "longer": "less", "shortest": "high", "shorter": "more",
}  # fmt: skip
# Adjectives of one dimension, which a column of another cannot answer.
MEASURED = word_set(
    "tallest taller shorter oldest older eldest elder youngest younger heaviest heavier lightest lighter "
    "fastest faster slowest slower cheapest cheaper priciest expensive costliest richest richer poorest "
    "poorer earliest latest newest newer populous"
)
# Words whose direction depends on what is measured ("best" of ranks, "fastest" of times), so that either will do.
_EITHER = word_set("first last closest nearest farthest furthest deepest hardest easiest starting")
_BY_RANK = word_set("best worst fastest slowest faster slower better worse top bottom leading")
NEGATED, SHORTEST_REST = ("un", "in", "non", "dis", "im", "ir"), 4
_PARTICIPLE = re.compile(r"[a-z]{2,}(?:ed|en|wn)$")
_ADVERBS = ("ally", "tely", "ully", "ously", "ently", "antly", "edly", "ingly", "ively", "ghly", "ainly", "rely")
_NO_SUPERLATIVES = word_set(
    "interest request forest protest contest harvest conquest arrest invest suggest inquest northwest "
    "southwest digest manifest midwest everest budapest bucharest modest honest"
)
TEMPORAL = word_set("after before since until prior later earlier onwards onward")
UNITS = {
    "year": "year", "years": "year", "yearly": "year", "annual": "year", "annually": "year", "quarter": "quarter",
    "quarters": "quarter", "quarterly": "quarter", "month": "month", "months": "month", "monthly": "month",
    "week": "week", "weeks": "week", "weekly": "week", "weekday": "weekday", "day": "day", "days": "day",
    "daily": "day", "hour": "hour", "hours": "hour", "hourly": "hour", "minute": "minute", "minutes": "minute",
    "decade": "year", "century": "year",
}  # fmt: skip
MONTH_WORDS = word_set("last past previous next this current coming ago today yesterday now recent currently")
ORDINALS = {
    "once": 1, "twice": 2, "single": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "dozen": 12, "half": 0.5, "couple": 2,
}  # fmt: skip
_MORE_FUNCTION_WORDS = """
    all also among amongst across along already although always anyone anybody anything because been both but
    either else ever everyone everybody everything exactly for from furthermore hence here however i'm if
    including include includes inside instead into it's just like many may maybe me might mine more much must
    myself near next nothing now of often once one ones only onto or otherwise outside own perhaps please quite
    rather really same shall simply since so somebody someone something still than thank thanks that's then
    there's therefore these thing things throughout together too toward towards upon us via well were what's
    whatever whenever whereas wherever whether whichever whoever within yes yet you're your ok okay hi hello
    dear kindly according respectively let's let i'd i've approximately about nearly roughly almost date dates
    we how ourselves themselves itself himself herself against around during despite regardless
"""
_ASKING = """
    integer boolean decimal decimals rounded inclusive exclusive inclusively exclusively
    show shows showing list lists listing give gives return returns display displays tell find finds finding
    present provide provides output print fetch get gets enumerate report compute calculate determine identify
    retrieve select selects want wants need know see look looking help answer question questions query database
    data dataset table tables row rows column columns field fields record records entry entries result results
    information info detail details value values name names item items case cases example examples kind kinds
    type types way ways set sets group groups grouped number count amount corresponding correspond corresponds
    associated related respective belong belongs belonging appear appears exist exists existing there available
    named called given specified considering consider total overall whole entire full complete people person
    persons individual individuals together time times describe description statistics breakdown summary
    summarize currently ever particular certain specific pair pairs combination combinations part parts member
    members id ids
"""
_VERBS = """
    is are was were be been being am do does did done have has had having make makes made making take takes took
    taken taking come comes came go goes went gone get got put puts keep keeps kept hold holds held holding use
    uses used using work works worked working live lives lived living stay stays stayed reside resides located
    locate situated based contain contains contained include included including cost costs pay pays paid buy
    buys bought sell sells sold order ordered own owns owned receive receives received produce produces produced
    play plays played playing win wins won lose loses lost write writes wrote written run runs ran running serve
    serves served serving teach teaches taught study studies studied attend attends attended enroll enrolls
    enrolled register registered perform performs performed visit visits visited join joins joined leave leaves
    left start starts started begin begins began begun end ends ended happen happens happened occur occurs
    occurred become became belong call calls say says said meet meets met contribute create creates created
    build built open opens opened found founded release released publish published issue issued place placed
    book booked offer offers offered earn earns earned spend spends spent born die died lead leads led manage
    manages managed hire hired employ employs employed act acts acted direct directed appear appeared
    participate participates participated compete competed score scores scored finish finished achieve achieved
    treat treats treated assign assigned affiliated associate associated involve involved involving follow
    follows followed prescribe prescribed weigh weighs weighed store stores stored record recorded list listed
    show shown see seen know known give given bring brought send sent reach reached grow grew grown exceed share
    shares shared match matches matched correspond corresponds equal equals depart departs departed arrive
    arrives arrived fly flies flew travel operate operates operated supply supplied deliver delivered rate rated
    review reviewed like likes liked love prefer speak speaks spoken spoke refer refers referred support
    supports sign signed wear worn drive drives drove driven ship shipped rent rented host hosts hosted design
    designed develop developed move moved change changed add added apply applied compare compared measure
    measured sum count counted rank feature featured cover covered incur incurs incurred suffer suffers suffered
    choose chooses chose chosen showed gotten handle handles handled file files filed complete completes
    completed obtain obtains obtained require requires required engage engaged undergo underwent depend depends
    cause caused affect affected carry carried consist consists comprise want belongs accept accepted submit
    submitted post posted comment charge charged check checked claim claimed transfer transferred
"""
VERBS = word_set(_VERBS)
GENERIC = STOP_WORDS | word_set(_MORE_FUNCTION_WORDS + _ASKING + _VERBS)


def cue_of(word: str) -> str:
    """What a folded word asks a query for: "count", "high", "not", ...; "" for nothing."""
    cue = _CUE_OF.get(word, "")
    return "high" if not cue and _is_superlative(word) else cue


def is_adverb(word: str) -> bool:
    """Adverbs of manner by their ending; they say how something is done, and no column holds that."""
    return len(word) > 6 and word.endswith(_ADVERBS)


def is_participle(word: str) -> bool:
    """Whether a word has the form of a past participle."""
    return _PARTICIPLE.fullmatch(word) is not None


def is_opposite(one: str, other: str) -> bool:
    """Whether one word is the other with a prefix that negates it: "inactive" and "active"."""
    short, long = sorted((one, other), key=len)
    return len(short) >= SHORTEST_REST and any(long == prefix + short for prefix in NEGATED)


def _is_superlative(word: str) -> bool:
    return len(word) > 5 and word.endswith("est") and word not in _NO_SUPERLATIVES


def is_high(word: str, *, days: bool, ranks: bool = False) -> bool | None:
    """Whether a superlative or comparative asks for large values; None for either way.

    Args:
        word: Folded.
        days: The values are days.
        ranks: The values are ranks, times or the like, of which the small ones may be the best.
    """
    if word not in _CUE_OF or word in _EITHER or (ranks and word in _BY_RANK):
        return None
    cue = TURNED.get(word)
    if cue is not None and days:
        # "longest" of days may be the one that began first or that ended last.
        return None if word in {"longest", "shortest", "longer", "shorter"} else cue in {"high", "more"}
    if word in {"oldest", "eldest", "older", "elder"}:
        return True
    if word in {"youngest", "younger"}:
        return False
    return cue_of(word) in {"high", "more"}
