"""Plain text and logs."""

# what is made reads best on one line

from __future__ import annotations

from typing import TYPE_CHECKING

from .making import WORDS, fixed, made, sentence, word

if TYPE_CHECKING:
    from .making import Shape

__all__ = ["LOG", "TEXT"]

TEXT: dict[str, Shape] = {
    "sentences": made(lambda i: sentence(i) + " "),
    "sentences, a line each": made(lambda i: sentence(i) + "\n"),
    "paragraphs": made(lambda i: sentence(i) + ("\n\n" if i % 5 == 4 else " ")),
    "wrapped lines": made(lambda i: sentence(i)[:70] + "\n"),
    "one word": fixed("a"),
    "no white space, words": made(word),
    "spaces": fixed(" "),
    "spaces and a letter": fixed(" " * 999 + "a"),
    "line ends": fixed("\n"),
    "CR": fixed("\r"),
    "CRLF lines": made(lambda i: f"{word(i)} {word(i + 1)}\r\n"),
    "CR lines": made(lambda i: f"{word(i)} {word(i + 1)}\r"),
    "U+2028": fixed("\u2028"),
    "U+2028 lines": made(lambda i: f"{word(i)}\u2028"),
    "U+0085 and a letter": fixed("a\x85"),
    "a letter a line": fixed("a\n"),
    "full stops": fixed("."),
    "letters and full stops": fixed("a. "),
    "question marks": fixed("?! "),
    "ellipses": fixed("… "),
    "abbreviations": fixed("Dr. Mr. e.g. i.e. "),
    "open brackets": fixed("("),
    "open brackets and words": made(lambda i: f"({word(i)} "),
    "open quotes": made(lambda i: f'"{word(i)} '),
    "curly quotes": made(lambda i: f"“{word(i)}. "),
    "list items": made(lambda i: f"- {word(i)}\n"),
    "numbered items": made(lambda i: f"{i}. {word(i)}\n"),
    "markers alone": fixed("1. "),
    "commas": fixed(","),
    "commas and words": made(lambda i: f"{word(i)}, "),
    "Chinese": fixed("里斯本的老城区有一条河流经过。"),
    "Chinese without stops": fixed("里斯本的老城区有一条河流经过"),
    "Thai": fixed("แม่น้ำไหลผ่านเมืองเก่า"),
    "combining marks": fixed("a" + "\u0301" * 50),
    "nothing but marks": fixed("\u0301"),
    "joined emoji": fixed("👩\u200d"),
    "lone surrogates": fixed("\ud800"),
    "NUL": fixed("\x00"),
    "numbers": made(lambda i: f"{i} "),
    "a long camel case": fixed("aB1"),
}


def _stamp(index: int) -> str:
    return f"2026-11-28 {index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02},{index % 1000:03}"


LOG: dict[str, Shape] = {
    "one template": made(lambda i: f"{_stamp(i)} INFO river gate {i} opened\n"),
    "templates": made(lambda i: f"{_stamp(i)} INFO {WORDS[i % 40]} {WORDS[i // 40 % 40]} {i} ms\n"),
    "a template each": made(lambda i: f"{_stamp(i)} INFO {sentence(i)}\n"),
    "words that change": made(
        lambda i: f"{_stamp(i)} WARN user {WORDS[i % 40]}{'x' * (i % 50)} logged in from {WORDS[i // 7 % 40]}\n"
    ),
    "stack traces": made(
        lambda i: (
            f"{_stamp(i)} ERROR failed {i}\nTraceback (most recent call last):\n"
            + '  File "/a/b.py", line 3, in f\n' * 20
            + "ValueError: x\n"
        )
    ),
    "one stack trace": fixed("    at a.b.C.d(C.java:10)\n", "2026-11-28 10:00:00 ERROR failed\n"),
    "JSON lines": made(
        lambda i: f'{{"time": "{_stamp(i)}", "level": "info", "msg": "gate {word(i)} opened", "n": {i}}}\n'
    ),
    "JSON on one line": made(lambda i: f'{{"time": "{_stamp(i)}", "msg": "gate {word(i)} opened"}}', between=" "),
    "key and value": made(lambda i: f"ts={i} level=info msg=open gate={word(i)}\n"),
    "access log": made(
        lambda i: f'10.0.{i % 250}.1 - - [28/Nov/2026:10:00:{i % 60:02} +0000] "GET /a/{i} HTTP/1.1" 200 {i}\n'
    ),
    "syslog": made(lambda i: f"Nov 28 10:00:{i % 60:02} host sshd[{i}]: accepted {word(i)}\n"),
    "one line": made(lambda i: f"{_stamp(i)} INFO gate {i} opened "),
    "one line of letters": fixed("a"),
    "one line of words": made(lambda i: f"{word(i)} "),
    "one line of spaces": fixed(" ", "a", "a"),
    "one line of digits": fixed("1"),
    "one line of digits and points": fixed("1."),
    "one line of colons": fixed("1:"),
    "one line of letters and digits": fixed("a1"),
    "one line of hexadecimals": fixed("a1b2-"),
    "one line of slashes": fixed("/"),
    "one line of paths": made(lambda i: f"/{word(i)}"),
    "one line of points and slashes": fixed("./"),
    "one line of at signs": fixed("a@"),
    "one line of addresses": made(lambda i: f"{word(i)}@a.example "),
    "one line of URLs": made(lambda i: f"https://a.example/{i} "),
    "one line of colons and slashes": fixed("a://"),
    "one line of quotes": fixed('"'),
    "one line of quotes and words": made(lambda i: f"'{word(i)} "),
    "one line of backslashes": fixed("A:\\"),
    "one line of months": fixed("Mon, Jan "),
    "line ends": fixed("\n"),
    "a letter a line": fixed("a\n"),
    "a word of its own a line": made(lambda i: f"{word(i)}\n"),
    "indented lines": made(lambda i: f"  {word(i)}\n"),
    "CR": made(lambda i: f"{_stamp(i)} INFO {word(i)}\r"),
    "CRLF": made(lambda i: f"{_stamp(i)} INFO {word(i)}\r\n"),
    "59 words a line": made(lambda i: " ".join(WORDS[(i * j) % 40] for j in range(59)) + "\n"),
    "a line of 1,000 words": made(lambda i: " ".join(word(i + j) for j in range(1000)) + "\n"),
    "other scripts": made(lambda i: f"{_stamp(i)} 错误 里斯本的老城 {i}\n"),
}
