"""What the default installation takes on disk, package by package: megabytes of the files that pip wrote.

    python benchmarks/speed/install_size.py

Makes an environment of its own, installs this checkout without extras, and adds up the files that each package's RECORD
names, compiled Python included. pip itself is not counted. Needs a package index.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common.record import record

ROOT = Path(__file__).resolve().parents[2]
# Runs in the new environment: sizes in bytes by package, and what each requires without an extra.
COUNT = """
import json, re
from importlib.metadata import distributions
sizes, needs = {}, {}
for package in distributions():
    name = package.metadata["Name"].lower().replace("_", "-")
    paths = (package.locate_file(file) for file in package.files or ())
    sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
    required = (need for need in package.requires or () if "extra ==" not in need)
    needs[name] = [re.match(r"[\\w.-]+", need)[0].lower().replace("_", "-") for need in required]
print(json.dumps([sizes, needs]))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        before = set(_count(python)[0])
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", str(ROOT)], check=True)
        sizes, needs = _count(python)
    ours = {name: size for name, size in sizes.items() if name not in before}
    rows = [
        {
            "package": name,
            "mb": round(size / 1e6, 1),
            "required by": sorted(other for other in ours if name in needs[other]),
        }
        for name, size in sorted(ours.items(), key=lambda item: -item[1])
    ]
    total = sum(ours.values())
    record(
        "install_size",
        {"mb": round(total / 1e6, 1), "mib": round(total / 2**20, 1), "packages": rows},
        seed=None,
        data={},
    )


def _count(python: Path) -> tuple[dict[str, int], dict[str, list[str]]]:
    done = subprocess.run([python, "-c", COUNT], check=True, capture_output=True, text=True)
    return tuple(json.loads(done.stdout))


if __name__ == "__main__":
    main()
