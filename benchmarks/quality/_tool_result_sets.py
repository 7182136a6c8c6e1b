"""Reads the tool results of prompt_cache.py out of the shared data sets.

A tool result is what one call of a tool gives: a document or a part of it, a page, a table as CSV, search results or
rows as JSON, a log. Each question names the strings of the result that answer it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.quality._tool_results import Question, ToolResult, keep_answered, squeeze
from ctxprune.rag.evaluation.field_set import read_field_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PART_CHARACTERS = 32_000  # about 8,000 tokens: tools that read files and pages give long ones part by part
LEAST_CHARACTERS = 1_500
_ONE_TABLE = re.compile(r"SELECT [^(]+ FROM (\w+) (WHERE [^(]+?)(?: ORDER BY .*)?", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(JOIN|GROUP|UNION|INTERSECT|EXCEPT)\b", re.IGNORECASE)
_PAGE = "<!DOCTYPE html>\n<html><body>\n"


def read_tool_results(data: Path, own: Path | None) -> list[ToolResult]:
    """Those of all sets, in a fixed order, without questions that their text does not answer.

    Args:
        data: The folder `data` of the shared folder.
        own: What benchmarks/data/field_text/build.py made; None to leave it out.
    """
    rag = data / "rag"
    found: list[ToolResult] = []
    for reader in (read_stories, read_story_search, read_policies, read_passages, read_filings):
        found.extend(reader(rag))
    for reader in (read_cell_tables, read_reports, read_csv_tables):
        found.extend(reader(rag))
    for reader in (read_query_results, read_schemas):
        found.extend(reader(data / "nl2sql"))
    if own is not None:
        found.extend(read_field_documents(own))
    checked = (keep_answered(result) for result in found)
    return [result for result in checked if result.questions and len(result.text) >= LEAST_CHARACTERS]


def read_stories(rag: Path) -> Iterator[ToolResult]:
    """FairytaleQA: explicit questions, the sentence of the gold section that holds the answer."""
    for name in ("train", "val"):
        for row in _rows(rag / "fairytaleqa" / f"{name}.jsonl.gz"):
            sections = {part["section"]: part["text"] for part in row["sections"]}
            questions = []
            for item in row["questions"]:
                gold = [sections[number] for number in item["gold_sections"]]
                if item["explicit"] == "explicit" and (found := _sentence_with(item["answers"], gold)):
                    questions.append(_question(item["question"], [[found]]))
            for place, text in enumerate(_parts("\n\n".join(sections.values()))):
                yield ToolResult(
                    f"fairytaleqa-{row['id']}#{place}", "read_document", "documents", text, tuple(questions)
                )


def read_story_search(rag: Path) -> Iterator[ToolResult]:
    """MCTest: ten stories a search; single-sentence questions whose answer stands in one sentence of the story."""
    stories = [row for name in ("mc160_train", "mc500_train", "mc160_dev", "mc500_dev")
               for row in _rows(rag / "mctest" / f"{name}.jsonl.gz")]  # fmt: skip
    for place in range(0, len(stories), 10):
        batch = stories[place : place + 10]
        hits = [{"id": row["id"], "text": " ".join(row["sentences"])} for row in batch]
        questions = []
        for row in batch:
            for item in row["questions"]:
                answer = item["options"][item["answer_index"]]
                holding = [text for text in row["sentences"] if _fold(answer) in _fold(text)]
                if not item["needs_multiple_sentences"] and len(answer) > 3 and len(holding) == 1:
                    # Names recur in these stories, so that a question says which one it is about.
                    asked = f"In the story that begins “{row['sentences'][0]}”: {item['question']}"
                    questions.append(_question(asked, [[_in_json(holding[0])]]))
        text = json.dumps({"results": hits}, ensure_ascii=False)
        yield ToolResult(f"mctest-{place // 10}", "search_stories", "JSON", text, tuple(questions))


def read_policies(rag: Path) -> Iterator[ToolResult]:
    """PolicyQA: the whole policy of a site; any passage that was marked for the same question is an answer."""
    passages = list(_rows(rag / "policyqa" / "dev_passages.jsonl.gz"))
    asked: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
    by_id = {row["id"]: row for row in passages}
    for item in _rows(rag / "policyqa" / "dev_questions.jsonl.gz"):
        row = by_id[item["passage_id"]]
        if item["evidence"]:
            asked[row["title"], item["question"]].append([row["sentences"][index] for index in item["evidence"]])
    sites: dict[str, list[str]] = defaultdict(list)
    for row in passages:
        sites[row["title"]].append(" ".join(row["sentences"]))
    for site, texts in sites.items():
        questions = [_question(text.replace("this website", site).replace("the website", site), groups)
                     for (title, text), groups in asked.items() if title == site]  # fmt: skip
        for place, text in enumerate(_parts("\n\n".join(texts))):
            yield ToolResult(f"policyqa-{site}#{place}", "read_document", "documents", text, tuple(questions))


def read_passages(rag: Path) -> Iterator[ToolResult]:
    """MultiRC: eight passages a search, as text with headings; all evidence sentences of a question."""
    for part in ("train", "dev"):
        passages = list(_rows(rag / "multirc" / f"{part}_passages.jsonl.gz"))
        asked: dict[Any, list[Question]] = defaultdict(list)
        by_id = {row["id"]: row for row in passages}
        for item in _rows(rag / "multirc" / f"{part}_questions.jsonl.gz"):
            sentences = by_id[item["passage_id"]]["sentences"]
            if 1 <= len(item["evidence"]) <= 3:
                evidence = [sentences[index] for index in item["evidence"]]
                asked[item["passage_id"]].append(_question(item["question"], [evidence]))
        for place in range(0, len(passages), 8):
            batch = passages[place : place + 8]
            text = "\n\n".join(f"## Result {n}\n\n{' '.join(row['sentences'])}" for n, row in enumerate(batch, 1))
            questions = [question for row in batch for question in asked[row["id"]]]
            name = f"multirc-{part}-{place // 8}"
            yield ToolResult(name, "search_passages", "documents", text[:PART_CHARACTERS], tuple(questions))


def read_filings(rag: Path) -> Iterator[ToolResult]:
    """FinanceBench: pages of a company's reports. Evidence is the answer's number where the pages have it once, else
    each line of a marked text of up to 300 characters.
    """
    pages: dict[str, dict[str, None]] = defaultdict(dict)
    items: dict[str, list[Any]] = defaultdict(list)
    for row in _rows(rag / "financebench" / "all.jsonl.gz"):
        pages[row["company"]].update({part["page_text"]: None for part in row["evidence"]})
        items[row["company"]].append(row)
    for company, texts in pages.items():
        whole = "\n\n".join(texts)
        questions = [_question(row["question"], [group]) for row in items[company] if (group := _lines(row, whole))]
        for place, text in enumerate(_parts(whole)):
            name = f"financebench-{company}#{place}"
            yield ToolResult(name, "read_document", "documents", text, tuple(questions))


def read_cell_tables(rag: Path) -> Iterator[ToolResult]:
    """FeTaQA: six tables a search as JSON; the rows with the marked cells, whole."""
    items = list(_rows(rag / "fetaqa" / "dev.jsonl.gz"))
    for place in range(0, len(items), 6):
        batch, hits, questions = items[place : place + 6], [], []
        for item in batch:
            rows = _as_records(item["table"])
            hits.append({"title": item["title"], "section": item["section"], "rows": rows})
            marked = sorted({row - 1 for row, _ in item["gold_cells"] if row > 0})
            if 1 <= len(marked) <= 3:
                asked = (
                    item["question"] if item["title"] in item["question"] else f"{item['title']}: {item['question']}"
                )
                questions.append(_question(asked, [[_inside(rows[index]) for index in marked]]))
        text = json.dumps({"tables": hits}, ensure_ascii=False)
        yield ToolResult(f"fetaqa-{place // 6}", "search_tables", "JSON", text, tuple(questions))


def read_reports(rag: Path) -> Iterator[ToolResult]:
    """TAT-QA: four parts of annual reports a search as JSON; questions answered by one span of text or one cell."""
    items = list(_rows(rag / "tatqa" / "dev.jsonl.gz"))
    for place in range(0, len(items), 4):
        batch, hits, questions = items[place : place + 4], [], []
        for item in batch:
            rows = _as_records(item["table"])
            hits.append({"table": rows, "paragraphs": [part["text"] for part in item["paragraphs"]]})
            for asked in item["questions"]:
                answers = asked["answer"] if isinstance(asked["answer"], list) else [str(asked["answer"])]
                if asked["answer_type"] == "span" and len(answers) == 1 and len(answers[0]) > 3:
                    texts = [_inside(row) for row in rows if answers[0] in row.values()]
                    texts += [_in_json(part) for part in hits[-1]["paragraphs"] if answers[0] in part]
                    questions.append(_question(asked["question"], [[text] for text in texts]))
        text = json.dumps({"results": hits}, ensure_ascii=False)
        yield ToolResult(f"tatqa-{place // 4}", "search_reports", "JSON", text, tuple(questions))


def read_csv_tables(rag: Path) -> Iterator[ToolResult]:
    """WikiTableQuestions: a table as CSV; questions whose one answer is a cell that stands once in the table."""
    for part in ("train", "dev"):
        asked: dict[str, list[Any]] = defaultdict(list)
        for item in _rows(rag / "wikitablequestions" / f"{part}_questions.jsonl.gz"):
            if item["all_answers_are_cells"] and len(item["answers"]) == 1 and len(item["answers"][0]) > 3:
                asked[item["table_id"]].append(item)
        for row in _rows(rag / "wikitablequestions" / f"{part}_tables.jsonl.gz"):
            stream = io.StringIO()
            csv.writer(stream, lineterminator="\n").writerows([row["header"], *row["rows"]])
            text = stream.getvalue()
            questions = [_question(f"{row['title']}: {item['question']}", [item["answers"]])
                         for item in asked[row["id"]] if text.count(item["answers"][0]) == 1]  # fmt: skip
            if len(text) <= PART_CHARACTERS:
                yield ToolResult(f"wikitablequestions-{row['id']}", "read_table", "tables", text, tuple(questions))


def read_query_results(nl2sql: Path) -> Iterator[ToolResult]:
    """SParC and CoSQL: the rows of one table as JSON; evidence are the rows that the gold condition selects."""
    asked: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for talk in _talks(nl2sql):
        for place, turn in enumerate(talk["turns"]):
            found = _ONE_TABLE.fullmatch(turn["sql"])
            if found and turn["runs"] and not _SEVERAL.search(found[2]):
                # A follow-up is asked with the question before it, without which nobody could answer it.
                text = " ".join(one["question"] for one in talk["turns"][max(0, place - 1) : place + 1])
                asked[talk["db_id"], found[1].lower()].append((text, found[2]))
    for (db_id, table), items in sorted(asked.items()):
        path = nl2sql / "spider" / "database" / db_id / f"{db_id}.sqlite"
        if not path.exists():
            continue
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = _query(connection, table, "")
            picked = [(text, _query(connection, table, where)) for text, where in items]
        while rows and len(json.dumps(rows)) > PART_CHARACTERS:
            rows = rows[: len(rows) * 3 // 4]
        questions = [_question(text, [[_inside(row) for row in gold]]) for text, gold in picked if 1 <= len(gold) <= 3]
        text = json.dumps({"table": table, "rows": rows}, ensure_ascii=False)
        yield ToolResult(f"sql-{db_id}-{table}", "run_sql", "JSON", text, tuple(questions))


def read_schemas(nl2sql: Path) -> Iterator[ToolResult]:
    """The tables of eight databases as JSON; evidence are the entries of those that the gold query of a talk reads."""
    tables = {row["db_id"]: row for row in json.loads((nl2sql / "spider" / "tables.json").read_text(encoding="utf-8"))}
    asked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for talk in _talks(nl2sql):
        asked[talk["db_id"]].append((talk["turns"][0]["question"], talk["turns"][0]["sql"]))
    names = [db_id for db_id in sorted(asked) if db_id in tables]
    for place in range(0, len(names), 8):
        entries: list[dict[str, str]] = []
        questions = []
        for db_id in names[place : place + 8]:
            own = _schema_entries(tables[db_id])
            entries.extend(own)
            for text, sql in asked[db_id]:
                words = set(re.findall(r"\w+", sql.lower()))
                gold = [_inside(entry) for entry in own if entry["table"].lower() in words]
                questions.append(_question(f"{text} (database {db_id})", [gold] if gold else []))
        text = json.dumps({"tables": entries}, ensure_ascii=False)
        yield ToolResult(f"schemas-{place // 8}", "list_tables", "JSON", text, tuple(questions))


def read_field_documents(own: Path) -> Iterator[ToolResult]:
    """Documents of our own field set: manuals, documentation, pages, CSV, JSON, logs; long ones in parts."""
    tools = {"html": ("fetch_page", "pages"), "csv": ("read_table", "tables"), "json": ("call_api", "JSON"),
             "log": ("read_log", "logs")}  # fmt: skip
    for part in ("dev", "test"):
        documents: dict[Path, list[Any]] = defaultdict(list)
        for item in read_field_items(own, split=part):
            documents[item.file].append(item)
        for file, items in documents.items():
            tool, group = tools.get(items[0].group, ("read_document", "documents"))
            html = items[0].kind == "html"
            questions = tuple(_question(item.question, [list(item.evidence)]) for item in items if item.evidence)
            for place, text in enumerate(_parts(file.read_text(encoding="utf-8"))):
                whole = _PAGE + text if html and place else text  # a part of a page is still given as a page
                yield ToolResult(f"own-{part}-{file.name}#{place}", tool, group, whole, questions)


def _question(text: str, evidence: Sequence[Sequence[str]]) -> Question:
    return Question(text, tuple(tuple(squeeze(string) for string in group) for group in evidence if group))


def _lines(row: Any, pages: str) -> list[str]:
    """Evidence of a question of FinanceBench."""
    number = re.search(r"\d[\d,]*", row["answer"])
    written = f"{int(number[0].replace(',', '')):,}" if number else ""
    if len(written) > 4 and len(re.findall(rf"(?<![\d,.]){written}(?![\d,.])", pages)) == 1:
        return [written]
    texts = [part["text"] for part in row["evidence"]]
    return [line for text in texts for line in text.splitlines() if line.strip()] if len("".join(texts)) <= 300 else []


def _talks(nl2sql: Path) -> Iterator[Any]:
    for name in ("cosql", "sparc"):
        yield from map(json.loads, (nl2sql / name / "dev.jsonl").read_text(encoding="utf-8").splitlines())


def _rows(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _parts(text: str) -> list[str]:
    """The text in parts that end at a line's end, of PART_CHARACTERS at most where lines are not longer."""
    parts = [""]
    for line in text.splitlines(keepends=True):
        if parts[-1] and len(parts[-1]) + len(line) > PART_CHARACTERS:
            parts.append("")
        parts[-1] += line
    return parts


def _sentence_with(answers: Sequence[str], texts: Sequence[str]) -> str:
    """The one sentence that holds an answer; "" where there is none or more than one."""
    sentences = [part for text in texts for part in re.split(r"(?<=[.!?])\s+", text)]
    for answer in answers:
        holding = [one for one in sentences if len(answer) > 3 and _fold(answer) in _fold(one)]
        if len(holding) == 1:
            return holding[0]
    return ""


def _fold(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!?")


def _as_records(table: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as objects; columns without a name, or with one that recurs, are numbered."""
    names: list[str] = []
    for number, name in enumerate(map(str, table[0]), 1):
        names.append(name if name and name not in names else f"{name or 'column'} {number}")
    return [dict(zip(names, row, strict=False)) for row in table[1:]]


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _inside(record: dict[str, Any]) -> str:
    """The members of an object as they stand in JSON."""
    return json.dumps(record, ensure_ascii=False)[1:-1]


def _query(connection: sqlite3.Connection, table: str, where: str) -> list[dict[str, Any]]:
    try:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} {where}").fetchmany(400)]
    except (sqlite3.Error, UnicodeDecodeError):
        return []  # a condition that names another table: the question is left out


def _schema_entries(row: dict[str, Any]) -> list[dict[str, str]]:
    """One object a table: its database, its name and its columns with their types."""
    columns: dict[int, list[str]] = defaultdict(list)
    for (table, column), kind in zip(row["column_names_original"], row["column_types"], strict=True):
        if table >= 0:
            columns[table].append(f"{column} {kind}")
    return [{"database": row["db_id"], "table": name, "columns": ", ".join(columns[index])}
            for index, name in enumerate(row["table_names_original"])]  # fmt: skip
