"""Records of public tables rendered to text by templates, for extraction.py: what stands in the text is known.

Templates are in two parts, as the databases are: constants and patterns were chosen on TUNE with training databases and
tables; HELD was written before and is only reported.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from benchmarks.common.record import SHARED

SPIDER = SHARED / "data" / "nl2sql" / "spider"
TABLES = SHARED / "data" / "rag" / "wikitablequestions"
ROWS = 3  # records of a text
FORMS = ("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y")
NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,6})?")
NAMES = re.compile(r"name|title|author|artist|person|city|country|player|team|director|winner|venue|club|nation", re.I)


@dataclass
class Set:
    """The records of one table: names and kinds of the fields, their labels, and a value a field for each record."""

    source: str
    title: str
    names: list[str]
    kinds: list[str]
    labels: list[str]
    records: list[list[object]]
    more: list[tuple[str, str]] = field(default_factory=list)  # labels and values of other tables, as distractors

    def schema(self):
        properties = {}
        for name, kind, label in zip(self.names, self.kinds, self.labels, strict=True):
            form = (
                {"type": "string", "format": "date"}
                if kind == "date"
                else {"type": "string" if kind == "name" else kind}
            )
            properties[name] = {**form, "description": label}
        return {"title": self.title, "type": "object", "properties": properties}


def kind_of(column):
    texts = [str(value) for value in column]
    if all(as_date(text) for text in texts):
        return "date"
    if all(isinstance(value, (int, float)) or NUMBER.fullmatch(value) for value in column):
        return "integer" if all(float(text).is_integer() for text in texts) else "number"
    return "string"


def as_date(text):
    """A whole date; None for other text. Read by the standard library, not by what is measured."""
    for form in FORMS:
        try:
            found = datetime.strptime(text, form).date()
        except ValueError:
            continue
        return found if 1400 <= found.year < 2100 else None
    return None


def usable(value):
    if isinstance(value, (int, float)):
        return abs(value) < 1e12
    return isinstance(value, str) and 0 < len(value.strip()) <= 60 and "\n" not in value and value == value.strip()


def make_set(source, title, header, rows, rng):
    """Up to seven columns of which the sampled rows have a value; None where there are fewer than three."""
    rows = [row for row in rows if len(row) == len(header)]
    rows = rng.sample(rows, min(ROWS, len(rows)))
    if len(rows) < ROWS:
        return None
    seen, columns = set(), []
    for at, (name, label) in enumerate(header):
        if all(usable(row[at]) for row in rows) and label.strip() and name not in seen and label.lower() not in seen:
            seen |= {name, label.lower()}
            columns.append(at)
    columns = sorted(rng.sample(columns, min(len(columns), 7)))
    if len(columns) < 3:
        return None
    kinds = [kind_of([row[at] for row in rows]) for at in columns]
    names = [header[at][0] for at in columns]
    labels = [" ".join(header[at][1].split()) for at in columns]
    kinds = [
        "name" if kind == "string" and NAMES.search(label) else kind for kind, label in zip(kinds, labels, strict=True)
    ]
    return Set(source, title, names, kinds, labels, [[row[at] for at in columns] for row in rows])


def spider_sets(split, rng):
    """Tables of the databases of a split: "train" or "dev"."""
    questions = SPIDER / ("dev.json" if split == "dev" else "train_spider.json")
    wanted = {item["db_id"] for item in json.loads(questions.read_text(encoding="utf-8"))}
    found = []
    for schema in sorted(json.loads((SPIDER / "tables.json").read_text(encoding="utf-8")), key=lambda s: s["db_id"]):
        path = SPIDER / "database" / schema["db_id"] / f"{schema['db_id']}.sqlite"
        if schema["db_id"] not in wanted or not path.exists():
            continue
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for index, table in enumerate(schema["table_names_original"]):
            own = zip(schema["column_names_original"], schema["column_names"], strict=True)
            header = [(original, label) for (at, original), (_, label) in own if at == index]
            listed = ", ".join(f'"{name}"' for name, _ in header)
            try:
                rows = connection.execute(f'SELECT {listed} FROM "{table}" LIMIT 400').fetchall()
            except sqlite3.Error:
                continue
            made = make_set(f"spider/{schema['db_id']}", schema["table_names"][index], header, rows, rng)
            found += [made] if made else []
        connection.close()
    return found


def wiki_sets(split, rng, most):
    with gzip.open(TABLES / f"{split}_tables.jsonl.gz", "rt", encoding="utf-8") as file:
        tables = [json.loads(line) for line in file]
    found = []
    for table in rng.sample(tables, len(tables)):
        header = [(re.sub(r"\W+", "_", label).strip("_"), label) for label in table["header"]]
        if len(header) < 3 or any(len(label) > 40 or not name for name, label in header):
            continue
        made = make_set(f"wikitables/{table['id']}", table["title"], header, table["rows"], rng)
        found += [made] if made else []
        if len(found) == most:
            break
    return found


def load_sets(split, *, seed, wiki=60):
    rng = random.Random(f"{split}{seed}")
    sets = spider_sets(split, rng) + wiki_sets(split, rng, wiki)
    for one in sets:
        other = rng.choice([entry for entry in sets if entry is not one])
        labels = {label.lower() for label in one.labels}
        own = zip(other.labels, other.records[0], strict=True)
        one.more = [(label, str(value)) for label, value in own if label.lower() not in labels][:3]
    return sets


# How values are written. The seed of a text decides.
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def written(value, kind, style):
    text = str(value)
    if kind == "date":
        found = as_date(text)
        year, month, day = found.year, found.month, found.day
        name = MONTHS[month - 1]
        return (
            f"{year}-{month:02d}-{day:02d}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{name[:3]} {day}, {year}",
        )[style % 4]
    if kind in ("number", "integer") and style % 2 and abs(float(text)) >= 10_000:
        return f"{float(text):,.{len(text.partition('.')[2])}f}"
    return text


def short(label, rng):
    """A label as people shorten it: without vowels, cut, or with a usual abbreviation."""
    usual = {
        "number": "no.",
        "name": "nm",
        "date": "dt",
        "description": "desc",
        "address": "addr",
        "quantity": "qty",
        "customer": "cust",
        "year": "yr",
        "percent": "pct",
        "department": "dept",
        "average": "avg",
        "amount": "amt",
    }

    def cut(word):
        if len(word) < 5 or not word.isalpha():
            return usual.get(word.lower(), word)
        return usual.get(word.lower()) or rng.choice([word[:4] + ".", word[0] + re.sub("[aeiou]", "", word[1:])])

    words = label.split()
    chosen = rng.randrange(len(words))
    return " ".join(cut(word) if at == chosen else word for at, word in enumerate(words))


class Text:
    """What a template writes with: labels and values of one record or several, in a mixed order."""

    def __init__(self, one, record, rng):
        style = rng.randrange(8)
        order = list(range(len(one.names)))
        rng.shuffle(order)
        self.rng, self.one = rng, one
        self.labels = [one.labels[at] for at in order]
        self.kinds = [one.kinds[at] for at in order]
        self.rows = [
            [written(r[at], one.kinds[at], style) for at in order]
            for r in (one.records if record is None else [record])
        ]
        self.values = self.rows[0]
        self.pairs = list(zip(self.labels, self.values, strict=True))


def the(label):
    return f"the {label.lower()}"


def capital(text):
    return text[:1].upper() + text[1:]


def label_lines(t):
    return "\n".join(f"{capital(label)}: {value}" for label, value in t.pairs)


def equals(t):
    return "\n".join(f"{label.lower().replace(' ', '_')}={value}" for label, value in t.pairs)


def sentences(t):
    return " ".join(f"The {label.lower()} is {value}." for label, value in t.pairs)


def two_columns_html(t):
    rows = "".join(f"<tr><td>{escape(capital(label))}</td><td>{escape(value)}</td></tr>\n" for label, value in t.pairs)
    return f"<div><p>Details</p><table>\n{rows}</table></div>"


def inline(t):
    return "; ".join(f"{label}: {value}" for label, value in t.pairs) + "."


def with_a(t):
    parts = [f"a {label.lower()} of {value}" for label, value in t.pairs]
    return f"This entry has {', '.join(parts[:-1])} and {parts[-1]}."


def lines_with_distractors(t):
    lines = [f"{capital(label)}: {value}" for label, value in (*t.pairs, *t.one.more)]
    t.rng.shuffle(lines)
    return "\n".join(["Page 3 of 12", *lines, "Printed by the records office; see the notes overleaf."])


def csv_rows(t):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"' if re.search('[,"]', cell) else cell

    return "\n".join(",".join(map(quoted, row)) for row in [t.labels, *t.rows])


def markdown_rows(t):
    def line(cells):
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

    return "\n".join([line(t.labels), line(["---"] * len(t.labels)), *map(line, t.rows)])


def bar_lines(t):
    return "\n".join(f"{capital(label)} | {value}" for label, value in t.pairs)


def definition_list(t):
    entries = "\n".join(f"<dt>{escape(label.upper())}</dt>\n<dd>{escape(value)}</dd>" for label, value in t.pairs)
    return f"<h2>Record</h2>\n<dl class='r'>\n{entries}\n</dl>"


def narrative(t):
    parts = []
    for at, (label, value) in enumerate(t.pairs):
        parts.append(
            (f"Its {label.lower()} was {value}", f"while the {label.lower()} is {value}", f"{value} is {the(label)}")[
                at % 3
            ]
        )
    text = ""
    for at, part in enumerate(parts):
        text += f", {part}" if at % 3 == 1 else f". {capital(part)}" if at else part
    return text + "."


def html_rows(t):
    extra = t.one.more[:1]
    head = "".join(f"<th>{escape(label)}</th>" for label in [*t.labels, *(label for label, _ in extra)])
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in [*row, *(value for _, value in extra)]) + "</tr>"
        for row in t.rows
    )
    top = f'<p>The table below lists them.</p>\n<table class="wide"><caption>{escape(t.one.title)}</caption>'
    return f"{top}\n<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def bold_bullets(t):
    return "\n".join(["## Facts", "", *(f"- **{capital(label)}** – {value}" for label, value in t.pairs)])


def short_labels(t):
    lines = [f"{short(label, t.rng)}: {value}" for label, value in (*t.pairs, *t.one.more[:1])]
    return "\n".join(lines)


def in_brackets(t):
    inner = ", ".join(f"{label.lower()}: {value}" for label, value in t.pairs if "," not in value)
    outer = " ".join(f"{capital(label)}: {value}." for label, value in t.pairs if "," in value)
    return f"One more entry was added last week ({inner}). {outer}".strip()


def dotted(t):
    width = max(len(label) for label in t.labels) + 6
    return "\n".join(f"{label.upper()} {'.' * (width - len(label))} {value}" for label, value in t.pairs)


def json_lines(t):
    return "{\n" + ",\n".join(f'  "{label.lower()}": "{value}"' for label, value in t.pairs) + "\n}"


def stacked(t):
    return "\n".join(f"{capital(label)}\n{value}\n" for label, value in t.pairs)


def transposed(t):
    lines = [[label, *(row[at] for row in t.rows)] for at, label in enumerate(t.labels)]
    return "\n".join(" | ".join(cell.replace("|", "/") for cell in line) for line in lines)


def spoken(t):
    forms = ("As for {0}, it is {1}.", "We noted {1} for {0}.", "{2}, by the way, is {1}.")
    return " ".join(
        form.format(the(label), value, capital(the(label)))
        for (label, value), form in zip(t.pairs, forms * len(t.pairs), strict=False)
    )


TUNE = {
    "label lines": label_lines, "key=value": equals, "sentences": sentences, "HTML, two columns": two_columns_html,
    "inline": inline, "with a": with_a, "distractor lines": lines_with_distractors, "CSV": csv_rows,
    "Markdown table": markdown_rows,
}  # fmt: skip
HELD = {
    "bars": bar_lines, "definition list": definition_list, "narrative": narrative, "HTML table": html_rows,
    "bold bullets": bold_bullets, "abbreviated labels": short_labels, "in brackets": in_brackets, "dotted": dotted,
    "JSON lines": json_lines, "stacked lines": stacked, "transposed table": transposed, "spoken": spoken,
}  # fmt: skip
MANY = {"CSV", "Markdown table", "HTML table", "transposed table"}


def render(name, make, one, seed):
    """A text, and the records that it holds."""
    rng = random.Random(f"{seed}{name}{one.source}{one.title}")
    record = None if name in MANY else one.records[0]
    return make(Text(one, record, rng)), one.records if record is None else [record]
