"""Other names for columns and tables, as teams give them: case styles, abbreviations, synonyms, prefixes."""

from __future__ import annotations

import re

# Made for these benchmarks; the library does not read it.
SYNONYMS = {
    "name": ("label", "designation"), "type": ("kind", "category"), "country": ("nation",), "city": ("town",),
    "price": ("cost",), "amount": ("sum", "value"), "customer": ("client",), "employee": ("worker", "staff"),
    "address": ("location",), "phone": ("telephone",), "number": ("no", "nr"), "date": ("day",), "year": ("yr",),
    "description": ("details", "remarks"), "details": ("info",), "id": ("key", "identifier"), "age": ("years",),
    "first": ("given",), "last": ("family",), "sex": ("gender",), "gender": ("sex",), "title": ("heading", "caption"),
    "code": ("cd", "symbol"), "student": ("pupil", "learner"), "teacher": ("instructor",), "course": ("class",),
    "grade": ("mark",), "score": ("points",), "salary": ("wage", "pay"), "department": ("division", "dept"),
    "start": ("begin",), "end": ("finish", "stop"), "company": ("firm",), "product": ("item", "article"),
    "order": ("purchase",), "payment": ("remittance",), "total": ("overall",), "count": ("quantity",),
    "status": ("state",), "location": ("place", "site"), "team": ("squad", "club"), "player": ("athlete",),
    "singer": ("vocalist",), "song": ("track",), "movie": ("film",), "book": ("volume",), "author": ("writer",),
    "airport": ("airfield",), "flight": ("trip",), "car": ("vehicle",), "weight": ("mass",), "height": ("stature",),
    "home": ("house",), "nationality": ("citizenship",), "rank": ("ranking", "position"), "capacity": ("seats",),
    "result": ("outcome",), "email": ("mail",), "zip": ("postal",), "state": ("province",), "county": ("district",),
    "staff": ("personnel",), "document": ("file", "paper"), "account": ("acct",), "budget": ("funds",),
    "manager": ("boss", "supervisor"), "vote": ("ballot",), "election": ("poll",), "party": ("faction",),
    "population": ("inhabitants",), "area": ("surface",), "distance": ("range",), "speed": ("velocity",),
    "manufacturer": ("maker",), "store": ("shop",), "shop": ("store",), "member": ("participant",),
    "rating": ("grade",), "comment": ("remark",), "time": ("moment",), "event": ("happening",),
    "opening": ("launch",), "owner": ("proprietor",), "size": ("dimension",), "color": ("colour",),
    "school": ("academy",), "claim": ("demand",), "policy": ("contract",), "property": ("estate",),
    "room": ("chamber",), "apartment": ("flat",), "building": ("edifice",), "guest": ("visitor",),
    "booking": ("reservation",), "invoice": ("bill",),
}  # fmt: skip
SHORT = {
    "number": "num", "address": "addr", "department": "dept", "description": "desc", "customer": "cust",
    "employee": "emp", "amount": "amt", "quantity": "qty", "date": "dt", "name": "nm", "code": "cd", "account": "acct",
    "product": "prod", "manager": "mgr", "average": "avg", "count": "cnt", "transaction": "txn", "percent": "pct",
}  # fmt: skip
STYLES = ("snake", "camel", "pascal", "upper", "kebab", "flat")


def words_of(name):
    cut = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[^0-9A-Za-z]+", cut) if word] or [name.lower() or "x"]


def styled(words, style):
    if style == "snake":
        return "_".join(words)
    if style == "camel":
        return words[0] + "".join(word.capitalize() for word in words[1:])
    if style == "pascal":
        return "".join(word.capitalize() for word in words)
    if style == "upper":
        return "_".join(words).upper()
    return "-".join(words) if style == "kebab" else "".join(words)


def shortened(word, rng):
    if word in SHORT:
        return SHORT[word]
    if len(word) < 5:
        return word
    if rng.random() < 0.5:
        return word[0] + re.sub("[aeiou]", "", word[1:])
    return word[: rng.choice((3, 4))]


def renamed(name, rng, style, strength=0.6, table=""):
    """Another name for the same: each word may be replaced or shortened, a prefix may come or go."""
    words, first = words_of(name), words_of(table) if table else []
    if rng.random() < strength * 0.25 and first and words[: len(first)] == first and len(words) > len(first):
        words = words[len(first) :]
    out = []
    for word in words:
        dice = rng.random()
        singular = word[:-1] if word.endswith("s") and word[:-1] in SYNONYMS else word
        if dice < strength * 0.4 and singular in SYNONYMS:
            out.append(rng.choice(SYNONYMS[singular]) + ("s" if singular != word else ""))
        elif dice < strength * 0.75:
            out.append(shortened(word, rng))
        else:
            out.append(word)
    if rng.random() < strength * 0.15 and first:
        out = [*(first if rng.random() < 0.5 else [shortened(w, rng) for w in first]), *out]
    return styled(out, style)
