"""Extraction of records with and without a chat model, on rows of public tables that templates render to text.

    python benchmarks/quality/extraction.py                      # extraction.json: without a model
    python benchmarks/quality/extraction.py --tune               # prints the tuning part, records nothing
    python benchmarks/quality/extraction.py --model MODEL.gguf   # extraction_chat.json: 60 records, one thread

Without a model: databases of Spider and tables of WikiTableQuestions. Patterns and constants were chosen on the training
databases and tables with one part of the templates (`TUNE`); reported are development databases and tables with the
other part (`HELD`). F1 counts pairs of field and value, the value equal as number, date or text; a text of several
records is aligned with its records in order. "whole lines" is the simple baseline: of each line with ":", the text
behind the first one, for the field whose name stands before it.

With a model (a 0.5B coder): rows of the development databases between real passages, schemas with fields of other tables.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from time import process_time

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import record
from benchmarks.quality._extraction_records import HELD, TUNE, as_date, load_sets, render
from ctxprune.rag.extract import SpanExtractor
from ctxprune.text.words import fold, split_identifier

SEED = 11


def same(kind, gold, found):
    if kind == "date":
        return str(found)[:10] == str(as_date(str(gold)))
    if kind in ("number", "integer"):
        try:
            return abs(float(gold) - float(found)) < 1e-9 * max(abs(float(gold)), 1)
        except (TypeError, ValueError):
            return False
    return plain(gold) == plain(found)


def plain(value):
    """Quotes around a title are its dress, for every method alike."""
    return " ".join(fold(str(value)).split()).strip("\"' ")


class Tally:
    def __init__(self):
        self.right, self.gold, self.found = Counter(), Counter(), Counter()

    def add(self, one, records, found):
        for at in range(max(len(records), len(found))):
            data = found[at] if at < len(found) else {}
            truth = records[at] if at < len(records) else None
            for name, kind, value in zip(one.names, one.kinds, truth or [None] * len(one.names), strict=True):
                group = "number" if kind == "integer" else kind
                self.gold[group] += truth is not None
                if name in data:
                    self.found[group] += 1
                    self.right[group] += truth is not None and same(kind, value, data[name])

    def f1(self, *kinds):
        kinds = kinds or tuple(self.gold)
        right, gold, found = (sum(c[k] for k in kinds) for c in (self.right, self.gold, self.found))
        return round(200 * right / max(gold + found, 1), 1)

    def row(self):
        gold, found, right = (sum(c.values()) for c in (self.gold, self.found, self.right))
        return {
            "F1": self.f1(), "precision": round(100 * right / max(found, 1), 1), "recall": round(100 * right / max(gold, 1), 1),
            "dates": self.f1("date"), "numbers": self.f1("number"), "names": self.f1("name"), "other texts": self.f1("string"),
            "values": gold,
        }  # fmt: skip


def whole_lines(schema, text):
    """The baseline: "LABEL: VALUE" lines whose label is the field's name."""
    by_words = {tuple(split_identifier(name)): name for name in schema["properties"]}
    by_words |= {tuple(split_identifier(own["description"])): name for name, own in schema["properties"].items()}
    data = {}
    for line in text.splitlines():
        label, mark, value = line.partition(":")
        name = by_words.get(tuple(split_identifier(label)))
        if mark and name is not None:
            number = re.search(r"-?\d[\d,]*\.?\d*", value)
            kind = schema["properties"][name]["type"]
            data[name] = number[0].replace(",", "") if kind in ("number", "integer") and number else value.strip()
    return [data] if data else []


def span_records(schema, text):
    found = SpanExtractor(schema).extract(text)
    for one in found:
        for value in one.values:
            assert value.text == text[slice(*value.span)]
    return [one.data for one in found]


def measure(sets, templates, extract, shown=None):
    whole, parts, sources = Tally(), defaultdict(Tally), defaultdict(Tally)
    for one in sets:
        schema = one.schema()
        for name, make in templates.items():
            text, records = render(name, make, one, SEED)
            found = extract(schema, text)
            for tally in (whole, parts[name], sources[one.source.partition("/")[0]]):
                tally.add(one, records, found)
            if shown == name and len(found) and any(not same(k, g, found[0].get(n)) for n, k, g in zip(one.names, one.kinds, records[0], strict=True)):
                say(f"{text}\n   GOLD {dict(zip(one.names, records[0], strict=True))}\n   GOT  {found}\n")
    return whole, parts, sources


def report(sets, templates, extract):
    start = process_time()
    whole, parts, sources = measure(sets, templates, extract)
    seconds = process_time() - start
    return {
        **whole.row(),
        "CPU ms a text": round(1e3 * seconds / (len(sets) * len(templates)), 2),
        "F1 by template": {name: tally.f1() for name, tally in parts.items()},
        "F1 by source": {name: tally.f1() for name, tally in sources.items()},
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--show", help="a template of which the mistakes are printed (with --tune)")
    options = parser.parse_args()
    split, templates = ("train", TUNE) if options.tune else ("dev", HELD)
    sets = load_sets("train", seed=SEED, wiki=150) if options.tune else load_sets("dev", seed=SEED, wiki=150)
    if options.show:
        measure(sets, {options.show: templates[options.show]}, span_records, options.show)
        return
    figures = {
        "split": f"{split} databases and tables, {len(templates)} templates; tuned on train with {len(TUNE)} others",
        "sets": len(sets),
        "texts": len(sets) * len(templates),
        "SpanExtractor": report(sets, templates, span_records),
        "whole lines (baseline)": report(sets, templates, whole_lines),
    }
    say(str(figures))
    if not options.tune:
        record("extraction", figures, seed=SEED, data={"records": fingerprint([(s.source, s.records) for s in sets])})


if __name__ == "__main__":
    main()
