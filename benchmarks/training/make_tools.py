"""Makes a set of tools and questions from packages of PyPI that ship descriptions of APIs and examples of their use.

    python benchmarks/training/make_tools.py OUT [--wheels FOLDER]

Every operation of AWS that botocore describes (Apache-2.0) is a tool: its name, the start of its documentation, its
parameters as JSON schema. The questions are the titles and first sentences of the examples that awscli ships for it
(Apache-2.0), which other people wrote: "To delete a bucket". A second, smaller part comes from the help of azure-cli
(MIT): a command is a tool, the names of its examples are the questions. Words that give the command away
("The following `delete-bucket` example ...") are taken out, and questions that repeat the documentation are left out.

Writes OUT/tools.jsonl and OUT/questions.jsonl, as `ctxprune bench tools --help` describes them. Without --wheels the
three wheels are fetched with pip. A third of the services, by a hash of their name, is for tuning ("split": "tune").
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import yaml

PACKAGES = ("awscli==1.46.3", "azure-cli==2.91.0", "botocore==1.44.8")
MOST_DESCRIPTION, MOST_PARAMETER = 600, 160  # characters
DEEPEST = 3
_TYPES = {
    "string": "string", "character": "string", "blob": "string", "timestamp": "string", "boolean": "boolean",
    "integer": "integer", "long": "integer", "float": "number", "double": "number", "bigdecimal": "number",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--wheels", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.wheels or Path(scratch)
        if options.wheels is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, *PACKAGES]
            subprocess.run(command, check=True)
        tools, questions = aws(wheel(folder, "botocore"), wheel(folder, "awscli"))
        more = azure(wheel(folder, "azure_cli"))
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "tools.jsonl", [*tools, *more[0]])
    write(options.out / "questions.jsonl", [*questions, *more[1]])


def wheel(folder: Path, name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(folder.glob(f"{name}-*.whl")))


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sys.stderr.write(f"{len(rows)} rows in {file.name}\n")


def split(group: str) -> str:
    return "tune" if hashlib.sha256(group.encode()).digest()[0] % 3 == 0 else "report"


# AWS


def aws(models: zipfile.ZipFile, examples: zipfile.ZipFile) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    tools, questions = [], []
    texts = aws_examples(examples)
    for service, latest in sorted(newest(models).items()):
        if service not in texts:
            continue
        model = json.loads(gzip.decompress(models.read(latest)))
        for name, operation in sorted(model["operations"].items()):
            command = dashed(name)
            description = shortened(plain(operation.get("documentation", "")), MOST_DESCRIPTION)
            identity = f"{service}.{name}"
            tools.append({"id": identity, "group": service, "tool": {
                "name": f"{service}_{command}".replace("-", "_"),
                "description": description,
                "input_schema": shape(model["shapes"], operation.get("input", {}).get("shape"), 0, ()),
            }})  # fmt: skip
            questions += asked(texts[service].get(command, []), identity, service, [command, name], description)
    return tools, questions


def newest(models: zipfile.ZipFile) -> dict[str, str]:
    """The model file of each service, by the name of its folder; of several versions the last one."""
    found = {}
    for path in sorted(models.namelist()):
        parts = path.split("/")
        if parts[:2] == ["botocore", "data"] and parts[-1] == "service-2.json.gz":
            found[parts[2]] = path
    return {_COMMANDS.get(service, service): path for service, path in found.items()}


_COMMANDS = {"s3": "s3api", "config": "configservice", "codedeploy": "deploy", "stepfunctions": "stepfunctions"}


def dashed(name: str) -> str:
    """DescribeDBInstances as the command line writes it: describe-db-instances."""
    first = re.sub(r"(.)([A-Z][a-z]+)", r"\1-\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", first).lower()


def aws_examples(examples: zipfile.ZipFile) -> dict[str, dict[str, list[str]]]:
    """For each service and command the titles of its examples and their first sentences."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(examples.namelist()):
        parts = path.split("/")
        if parts[:2] == ["awscli", "examples"] and len(parts) == 4 and path.endswith(".rst"):
            text = examples.read(path).decode("utf-8", "replace")
            found.setdefault(parts[2], {})[parts[3][:-4]] = list(phrases(text))
    return found


def phrases(text: str) -> Iterator[str]:
    """The title of the first example and the first sentence under it."""
    title = re.search(r"^\*\*(.+?)\*\*", text, re.MULTILINE | re.DOTALL)
    if title:
        yield re.sub(r"^Example \d+: ", "", " ".join(title.group(1).split()))
    after = text[title.end() :] if title else text
    paragraph = next((part for part in re.split(r"\n\s*\n", after) if part.strip()), "")
    if "::" in paragraph or paragraph.rstrip().endswith("."):
        yield re.split(r"(?<=[.!?])\s|::", " ".join(paragraph.split()))[0]


def shape(shapes: dict[str, Any], name: str | None, depth: int, above: tuple[str, ...]) -> dict[str, Any]:
    """A shape of botocore as JSON schema."""
    if name is None:
        return {"type": "object", "properties": {}}
    found = shapes[name]
    kind = found["type"]
    if kind in _TYPES:
        schema: dict[str, Any] = {"type": _TYPES[kind]}
        return schema | ({"enum": found["enum"]} if "enum" in found else {})
    if depth >= DEEPEST or name in above:
        return {"type": "array" if kind == "list" else "object"}
    inner = (shapes, depth + 1, (*above, name))
    if kind == "list":
        return {"type": "array", "items": member(found["member"], *inner)}
    if kind == "map":
        return {"type": "object", "additionalProperties": member(found["value"], *inner)}
    members = {key: member(part, *inner) for key, part in found.get("members", {}).items()}
    schema = {"type": "object", "properties": members}
    return schema | ({"required": found["required"]} if found.get("required") else {})


def member(part: dict[str, Any], shapes: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, Any]:
    described = shortened(plain(part.get("documentation", "")), MOST_PARAMETER)
    schema = shape(shapes, part["shape"], depth, above)
    return schema | ({"description": described} if described else {})


# Azure


def azure(package: zipfile.ZipFile) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    tools, questions = [], []
    for path in sorted(package.namelist()):
        if not path.endswith("/_help.py"):
            continue
        for command, text in helps(package.read(path).decode("utf-8")):
            try:
                entry = yaml.safe_load(text)
            except yaml.YAMLError:
                continue
            if not isinstance(entry, dict) or entry.get("type") != "command" or not entry.get("examples"):
                continue
            description = shortened(str(entry.get("short-summary", "")), MOST_DESCRIPTION)
            examples = [example for example in entry["examples"] if isinstance(example, dict)]
            used = {
                word for example in examples for word in re.findall(r"\s--([a-z][a-z-]+)", str(example.get("text")))
            }
            identity, group = f"azure.{command}", f"az {command.split()[0]}"
            parameters = {word.replace("-", "_"): {"type": "string"} for word in sorted(used)}
            tools.append({"id": identity, "group": group, "tool": {
                "name": "az_" + re.sub(r"\W", "_", command),
                "description": description,
                "input_schema": {"type": "object", "properties": parameters},
            }})  # fmt: skip
            names = [str(example.get("name", "")) for example in examples[:2]]
            questions += asked(
                [name for name in names if "autogenerated" not in name], identity, group, [], description
            )
    return tools, questions


def helps(source: str) -> Iterator[tuple[str, str]]:
    """Command and help text of each `helps['COMMAND'] = \"\"\"...\"\"\"` of a module, without running it."""
    import ast

    for node in ast.walk(ast.parse(source)):
        if not (
            isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            yield str(target.slice.value), node.value.value


# Texts


def asked(
    texts: list[str], identity: str, group: str, given_away: list[str], description: str
) -> Iterator[dict[str, Any]]:
    """The questions among `texts`: those with three words or more that are not the documentation again."""
    seen = set()
    for text in texts:
        question = question_of(text, given_away)
        words = re.findall(r"\w+", question.lower())
        if len(words) < 3 or question in seen or " ".join(words) in " ".join(re.findall(r"\w+", description.lower())):
            continue
        seen.add(question)
        yield {"question": question, "needed": identity, "group": group, "split": split(group)}


def question_of(text: str, given_away: list[str]) -> str:
    """The text without markup, without the command that it names, and without "The following example"."""
    for name in given_away:
        text = re.sub(rf"[`*\"']*\b{re.escape(name)}\b[`*\"']*", "", text)
    text = re.sub(r"`([^`<]*?)\s*<[^>]*>`_*", r"\1", text)
    text = re.sub(r"[`*]+", "", text)
    text = re.sub(
        r"^(The|This) (following)?\s*(AWS CLI)?\s*(example|command|sample|code)?s?( command)?\s*", "", text.strip()
    )
    text = re.sub(r"^To\s+", "", re.sub(r"\s+", " ", text))
    return text.strip(" .:")


def plain(html: str) -> str:
    """The text of documentation in HTML."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def shortened(text: str, most: int) -> str:
    """The first sentences of a text, as many as fit, the first one in any case cut at `most` characters."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    end = max(text.rfind(". ", 0, most), text.rfind("! ", 0, most))
    return text[: end + 1] if end > 0 else text[:most].rsplit(" ", 1)[0]


if __name__ == "__main__":
    main()
