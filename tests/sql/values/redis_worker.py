"""One of many that publish a saved index into one Redis and look up in it at once: URL, folder, questions, turns.

Prints how many answers equal those of the index in the folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.redis_index import RedisIndex

url, folder, questions, turns = sys.argv[1:]
index, shared = ValueIndex.open(folder), RedisIndex(url, "shared")
asked = json.loads(Path(questions).read_text(encoding="utf-8"))
expected = [index.lookup(question) for question in asked]
same = 0
for _turn in range(int(turns)):
    shared.publish(index)
    same += sum(shared.lookup(question) == answer for question, answer in zip(asked, expected, strict=True))
sys.stdout.write(f"{same}\n")
