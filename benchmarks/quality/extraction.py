"""Extraction of records with and without a chat model, on rows of public tables that templates render to text.

    python benchmarks/quality/extraction.py                      # extraction.json: without a model
    python benchmarks/quality/extraction.py --tune               # prints the tuning part, records nothing
    python benchmarks/quality/extraction.py --pruned             # extraction_pruned.json: what pruned prompts keep
    python benchmarks/quality/extraction.py --model MODEL.gguf   # extraction_chat.json: 60 records, one thread

Without a model: databases of Spider and tables of WikiTableQuestions. Patterns and constants were chosen on the
training databases and tables with `TUNE`, one part of the templates, and with `PROSE`, further ones of running text;
reported are development databases and tables with the other part (`HELD`). F1 counts pairs of field and value, the
value equal as number, date or text; a text of several records is aligned with its records in order. "whole lines" is
the simple baseline: of each line with ":", the text behind the first one, for the field whose name stands before it.

With a model (a 0.5B coder): rows of the development databases of Spider between real passages (xquad_en), schemas with
fields of other tables. One record a text, 60 of them, each by one template of `HELD`; the full schema and chunk against
the pruned ones, with the same model and one call each. `--pruned` writes extraction_pruned.json, without a model: what
a pruned prompt still has of the fields and values; `--tune --pruned` prints it for the training part, where the bar was
chosen.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import replace
from time import process_time

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import SHARED, record
from benchmarks.quality._extraction_prose import PROSE
from benchmarks.quality._extraction_records import HELD, MANY, TUNE, as_date, load_sets, render
from ctxprune.llm.base import ChatAnswer, ChatModel, Sampling
from ctxprune.llm.llama_cpp import LlamaCppModel
from ctxprune.rag.extract import ExtractOptions, Extractor, SpanExtractor
from ctxprune.text.words import fold, split_identifier

SEED = 11
VERSIONS = {"full schema and chunk": 2, "pruned schema and chunk": 2}  # another one throws kept answers away


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
        kinds = kinds or tuple(self.gold | self.found)
        right, gold, found = (sum(c[k] for k in kinds) for c in (self.right, self.gold, self.found))
        return round(200 * right / max(gold + found, 1), 1)

    def row(self):
        gold, found, right = (sum(c.values()) for c in (self.gold, self.found, self.right))
        return {
            "F1": self.f1(), "precision": round(100 * right / max(found, 1), 1),
            "recall": round(100 * right / max(gold, 1), 1), "dates": self.f1("date"), "numbers": self.f1("number"),
            "names": self.f1("name"), "other texts": self.f1("string"),
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


def crowded(sets, templates, passages, most):
    """A text a record between passages, and a schema with fields of other tables: what a model is asked."""
    rng, names, cases = random.Random(SEED), [name for name in templates if name not in MANY], []
    single = [replace(one, records=[row]) for one in sets for row in one.records]
    # The whole order is drawn, so that fewer records are the first ones of more.
    for at, one in enumerate(rng.sample(single, len(single))[:most]):
        text, records = render(names[at % len(names)], templates[names[at % len(names)]], one, SEED + at)
        around = rng.sample(passages, 2)
        schema = one.schema()
        others = [other for other in sets if other.source != one.source]
        # Fields of the same name would make it a matter of taste which one a value belongs to.
        taken = {" ".join(split_identifier(label)) for label in one.labels}
        for other in rng.sample(others, 2):
            for name, own in other.schema()["properties"].items():
                label = " ".join(split_identifier(own["description"]))
                if label not in taken and name not in schema["properties"]:
                    taken.add(label)
                    schema["properties"][name] = own
        order = sorted(schema["properties"], key=lambda name: fingerprint((name, at)))
        schema["properties"] = {name: schema["properties"][name] for name in order}
        cases.append((one, schema, "\n\n".join([around[0], text, around[1]]), records))
    return cases


def load_passages():
    with gzip.open(SHARED / "data" / "rag" / "xquad_en" / "test_passages.jsonl.gz", "rt", encoding="utf-8") as file:
        return [" ".join(json.loads(line)["sentences"]) for line in file]


class Silent(ChatModel):
    """Takes the place of a model where only prompts are looked at."""

    fingerprint = "silent"

    def complete(self, messages, sampling):
        del messages, sampling
        return [ChatAnswer("[]")]


def left_over(cases, **options):
    """Without a model: the share of fields and of values with gold that a prompt still has, and of its tokens."""
    fields = values = gold = sent = full = 0
    for one, schema, text, records in cases:
        extractor = Extractor(schema, Silent(), options=ExtractOptions(**options))
        done = extractor.extract(text)
        prompt = extractor.write_prompt(text)[-1].content
        classes, _, shown = prompt.partition("Text:\n")
        sent, full = sent + done.tokens_sent, full + done.tokens_full
        style = " ".join(text.split())
        for name, value in zip(one.names, records[0], strict=True):
            gold += 1
            fields += f"\n    {name}: " in classes
            said = str(value)
            values += said in shown or said not in style
    return {"fields kept": round(100 * fields / gold, 1), "values kept": round(100 * values / gold, 1),
            "tokens": round(100 * sent / full, 1)}  # fmt: skip


def ask(parts, title, model, case, options):
    """What one way to ask gives for one record; each answer is kept, so that a run that was killed goes on."""
    _, schema, text, _ = case

    def make():
        start = process_time()
        # One call a record: a correction would hide what the prompt itself does.
        sampling = Sampling(max_tokens=300, seconds=1200.0)
        asked = Extractor(schema, model, options=ExtractOptions(sampling=sampling, retries=0, **options))
        done = asked.extract(text)
        best = max(done.records, key=lambda found: len(found.data), default=None)
        return {
            "data": best.data if best else {},
            "supported": [value.path for value in best.values if value.is_supported] if best else [],
            "sent": done.tokens_sent, "out": done.tokens_out,
            "failed": [failure.reason[:60] for failure in done.failures], "seconds": process_time() - start,
        }  # fmt: skip

    return parts.row(title, (schema, text, sorted(options.items()), VERSIONS[title.rpartition(" ")[0]]), make)


class Way:
    """The account of one way to ask."""

    def __init__(self):
        self.tally, self.supported, self.sent, self.seconds, self.failed = Tally(), Tally(), 0, 0.0, 0
        self.out = 0

    def add(self, case, row):
        one, _, _, records = case
        for tally, data in (
            (self.tally, row["data"]),
            (self.supported, {k: v for k, v in row["data"].items() if k in row["supported"]}),
        ):
            tally.add(one, records, [data] if data else [])
            # Values of fields that the record does not have.
            tally.found["others"] += sum(name not in one.names for name in data)
        self.sent, self.out = self.sent + row["sent"], self.out + row["out"]
        self.seconds, self.failed = self.seconds + row["seconds"], self.failed + bool(row["failed"])

    def row(self):
        return {**self.tally.row(), "F1 of supported values": self.supported.f1(), "prompt tokens": self.sent,
                "answer tokens": self.out, "CPU seconds": round(self.seconds, 1),
                "answers without a record": self.failed}  # fmt: skip


def measure(sets, templates, extract, shown=None):
    whole, parts, sources = Tally(), defaultdict(Tally), defaultdict(Tally)
    for one in sets:
        schema = one.schema()
        for name, make in templates.items():
            text, records = render(name, make, one, SEED)
            found = extract(schema, text)
            for tally in (whole, parts[name], sources[one.source.partition("/")[0]]):
                tally.add(one, records, found)
            if (
                shown == name
                and len(found)
                and any(
                    not same(k, g, found[0].get(n)) for n, k, g in zip(one.names, one.kinds, records[0], strict=True)
                )
            ):
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


def pruned(cases, *, tune):
    if tune:
        for least in (0.45, 0.55, 0.65, 0.75):
            say(f"least {least}: {left_over(cases, least=least)}")
        return
    figures = {"texts": len(cases), "default": left_over(cases)}
    say(str(figures))
    record(
        "extraction_pruned", figures, seed=SEED, data={"cases": fingerprint([(c[0].source, c[1], c[2]) for c in cases])}
    )


WAYS = {
    "pruned schema and chunk": {},
    "full schema and chunk": {"prune_schema": False, "prune_chunk": False},
}


def chat(cases, path):
    model = LlamaCppModel(path, context=4096, threads=1)
    parts, ways, spans = Parts("extraction_chat"), {title: Way() for title in WAYS}, Way()
    for at, case in enumerate(cases):
        for title, options in WAYS.items():
            ways[title].add(case, ask(parts, f"{title} {at}", model, case, options))
        found = max(span_records(*case[1:3]), key=len, default={})
        spans.add(
            case, {"data": found, "supported": list(found), "sent": 0, "failed": not found, "seconds": 0.0, "out": 0}
        )
        say(f"{at + 1}/{len(cases)}: " + ", ".join(f"{title} F1 {way.tally.f1()}" for title, way in ways.items()))
    full, pruned = ways["full schema and chunk"], ways["pruned schema and chunk"]
    figures = {
        "records": len(cases),
        **{title: way.row() for title, way in ways.items()},
        "SpanExtractor, no model": spans.tally.row(),
        "F1 of pruned less F1 of full": round(pruned.tally.f1() - full.tally.f1(), 1),
        "tokens of pruned prompts, % of full ones": round(100 * pruned.sent / full.sent, 1),
        "model": model.fingerprint,
    }
    say(str(figures))
    record(
        "extraction_chat", figures, seed=SEED, data={"cases": fingerprint([(c[0].source, c[1], c[2]) for c in cases])}
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--model")
    parser.add_argument("--pruned", action="store_true")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--show", help="a template of which the mistakes are printed (with --tune)")
    options = parser.parse_args()
    tuned = TUNE | PROSE
    split, templates = ("train", tuned) if options.tune else ("dev", HELD)
    sets = load_sets("train", seed=SEED, wiki=150) if options.tune else load_sets("dev", seed=SEED, wiki=150)
    if options.show:
        measure(sets, {options.show: templates[options.show]}, span_records, options.show)
        return
    spider = [one for one in sets if one.source.startswith("spider")]
    if options.pruned or options.model:
        cases = crowded(spider, templates, load_passages(), options.limit)
    if options.pruned:
        pruned(cases, tune=options.tune)
        return
    if options.model:
        chat(cases, options.model)
        return
    figures = {
        "split": f"{split} databases and tables, {len(templates)} templates; tuned on train with {len(tuned)} others",
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
