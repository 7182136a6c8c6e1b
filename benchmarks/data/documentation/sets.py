"""Questions made from documentation: headings, questions of FAQs, options, glossaries, sentences cut out."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

_STOP_WORDS = (
    "the a an of to in is are be and or for on with by it this that as at from if can will "
    "not when which you your may was"
)
STOP = frozenset(_STOP_WORDS.split())
SHORTEST = 60  # characters of a paragraph that answers


@dataclass
class Sets:
    """Documents by name, and questions with the characters [start, end) that answer them."""

    rng: random.Random = field(default_factory=lambda: random.Random(7))
    documents: dict[str, str] = field(default_factory=dict)
    items: list[dict[str, object]] = field(default_factory=list)

    def add(self, kind, group, name, question, span, *, markdown=False):
        self.items.append(
            {"set": kind, "group": group, "doc": name, "md": markdown, "question": question, "spans": [list(span)]}
        )

    def keywords(self, sentence: str, share: float) -> str:
        """Some of the content words of a sentence, in their order."""
        words = [word.strip(".'") for word in re.findall(r"[\w\-./=']+", sentence)]
        words = [word for word in words if word]
        content = [place for place, word in enumerate(words) if word.lower() not in STOP]
        count = max(2, int(len(content) * share))
        chosen = set(self.rng.sample(content, count)) if len(content) > 2 else set(content)
        return " ".join(words[place] for place in sorted(chosen))

    def add_faq(self, name, group, text, pattern, *, cut: bool, most: int = 40):
        """Questions that `pattern` finds; each is cut from the document, or left where it is."""
        found = list(pattern.finditer(text))
        whole, last, made = "", 0, []
        for number, match in enumerate(found):
            whole += text[last : match.start() if cut else match.end()]
            start = len(whole)
            end = found[number + 1].start() if number + 1 < len(found) else min(len(text), match.end() + 3000)
            body = text[match.end() : end]
            whole, last = whole + body, end
            span = first_paragraph(body, start)
            question = " ".join(match.group(1).split())
            if span and len(question.split()) > 3:
                made.append((question, span))
        self.documents[name] = whole + text[last:]
        self.rng.shuffle(made)
        for question, span in made[:most]:
            self.add("faq_cut" if cut else "faq_head", group, name, question, span)

    def add_options(self, name, group, text, *, most: int = 25):
        """Options of a manual page: by name, or by words of the first sentence about them."""
        self.documents[name] = text
        made = []
        pattern = r"^( {4,10})(--?[\w][^\n]{0,60})\n((?:\1 {2,}\S[^\n]*\n|\n(?=\1 {2,}))+)"
        for match in re.finditer(pattern, text, re.MULTILINE):
            paragraph = re.match(r"(?:[^\n]*\S[^\n]*\n)+", match.group(3))
            plain = joined(paragraph.group()) if paragraph else ""
            if paragraph and len(plain) >= SHORTEST:
                names = re.findall(r"--?[\w\-]+", match.group(2))
                span = (match.start(3), match.start(3) + paragraph.end())
                made.append((max(names, key=len), first_sentence(plain), span))
        forms = ("what does %s do", "%s meaning", "When would I use %s?")
        self._add_named(name, group, made[:], forms, most)

    def add_terms(self, name, group, text, *, most: int = 20):
        """Settings on a line of their own, with a paragraph below."""
        self.documents.setdefault(name, text)
        made = []
        pattern = r"^( {7})([A-Za-z][\w=,\- ]{2,50})\n(\1 {3,}\S[^\n]*\n(?:\1 {3,}\S[^\n]*\n)*)"
        for match in re.finditer(pattern, text, re.MULTILINE):
            plain = joined(match.group(3))
            if len(plain) >= 80:
                made.append((match.group(2).strip().rstrip("="), first_sentence(plain), match.span(3)))
        self._add_named(name, group, made, ("what does %s do", "%s", "how is %s used"), most)

    def _add_named(self, name, group, made, forms, most):
        self.rng.shuffle(made)
        for number, (term, sentence, span) in enumerate(made[:most]):
            if number % 3 == 0:
                self.add("man_name", group, name, self.rng.choice(forms) % term, span)
            else:
                self.add("man_cloze", group, name, self.keywords(sentence, 0.5), span)

    def add_glossary(self, name, group, text, pattern, *, most: int):
        self.documents[name] = text
        made = [(match.group(1).strip("`*"), match.span(2)) for match in re.finditer(pattern, text, re.MULTILINE)]
        self.rng.shuffle(made)
        for term, span in made[:most]:
            form = self.rng.choice(["What is a %s?", "what does %s mean", "define %s"])
            self.add("glossary", group, name, form % term, span)

    def add_headings(self, name, group, text, *, markdown: bool):
        """Four headings, and two sentences that are cut out."""
        pattern = r"^#{2,4} (\S[^\n]{6,80})\n" if markdown else r"^(\S[^\n]{6,80})\n[=\-~^\"'*+]{6,}\n"
        found = list(re.finditer(pattern, text, re.MULTILINE))
        if len(found) < 5:
            return
        self.documents[name] = text
        made = []
        for number, match in enumerate(found):
            end = found[number + 1].start() if number + 1 < len(found) else len(text)
            if span := first_paragraph(text[match.end() : end], match.end()):
                made.append((re.sub(r"[`*:]", "", " ".join(match.group(1).split())), span))
        self.rng.shuffle(made)
        for question, span in made[:4]:
            self.add("heading", group, name, question, span, markdown=markdown)
        paragraphs = [
            match
            for match in re.finditer(r"(?:^[^\n]*[a-z][^\n]*\n)+", text, re.MULTILINE)
            if 250 < len(match.group()) < 1500 and len(re.findall(r"[.]\s", match.group())) >= 3
            if "::" not in match.group() and "|" not in match.group()
        ]
        for match in self.rng.sample(paragraphs, min(2, len(paragraphs))):
            sentences = list(re.finditer(r"[A-Z][^.]{40,300}\.(?=\s)", match.group()))
            if len(sentences) < 2:
                continue
            chosen = self.rng.choice(sentences)
            start, end = match.start() + chosen.start(), match.start() + chosen.end()
            cut = f"{name}@{start}"
            self.documents[cut] = text[:start] + text[end:]
            span = (match.start(), match.end() - (end - start))
            self.add("cloze", group, cut, self.keywords(chosen.group(), 0.7), span, markdown=markdown)

    def add_changes(self, name, group, text, *, most: int = 10):
        pattern = r"^([ \t]*[*\-o] |    \*\) )(\S[^\n]*\n(?:[ \t]+[^*\-\s][^\n]*\n)*)"
        found = [match for match in re.finditer(pattern, text, re.MULTILINE) if 60 < len(match.group(2)) < 500]
        if len(found) < most:
            return
        self.documents[name] = text
        for match in self.rng.sample(found, most):
            self.add("changes", group, name, self.keywords(" ".join(match.group(2).split()), 0.4), match.span(2))

    def add_written(self, row, texts):
        """A question written by hand; its evidence is looked for whatever the line ends and hyphens."""
        plain = re.sub(r"\s+", " ", row["evidence"])
        pattern = "".join(
            r"\s+" if char.isspace() else re.escape(char) + (r"(?:\u2010\s+)?" if char.isalpha() else "")
            for char in plain
        )
        text = next((text for text in texts if re.search(pattern, text)), None)
        if text is None:
            raise SystemExit(f"{row['file']} does not say: {row['evidence']}")
        spans = [list(match.span()) for match in re.finditer(pattern, text)][:3]
        name = f"hand-{row['file']}"
        self.documents[name] = text
        self.add("hand", row["package"], name, row["question"], spans[0], markdown=row["file"].endswith(".md"))
        self.items[-1]["spans"] = spans


def first_paragraph(body: str, offset: int) -> tuple[int, int] | None:
    """Characters of the first paragraph that is a sentence or more."""
    for match in re.finditer(r"(?:[^\n]*\S[^\n]*\n)+", body):
        plain = match.group().strip()
        if len(plain) > SHORTEST and re.search(r"[.:]\s*$", plain):
            return offset + match.start(), offset + match.end()
    return None


def joined(text: str) -> str:
    return re.sub(r"\u2010\s+", "", " ".join(text.split()))


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.])\s", text)[0]
