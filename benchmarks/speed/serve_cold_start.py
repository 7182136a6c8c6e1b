"""From `ctxprune serve` without a configuration to its first answer.

    python benchmarks/speed/serve_cold_start.py [--rounds N]

Writes benchmarks/results/serve_cold_start.json. Each round starts a process, waits for the line that says where it
listens, and asks POST /v1/prune at once. Seconds of the wall clock depend on what else the machine does, so the
processor time that the service has taken by then is told beside, and that of an import of FastAPI and uvicorn alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import urllib.request
from statistics import median
from time import perf_counter

from benchmarks.common.record import record

BODY = {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933.", "budget": 10}
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    start_once()  # byte code is compiled, and files are in the system's cache
    rounds = [start_once() for _ in range(options.rounds)]
    figures = {
        "rounds": options.rounds,
        "wall seconds to the first answer": [round(wall, 2) for wall, _ in rounds],
        "wall seconds, median": round(median(wall for wall, _ in rounds), 2),
        "processor seconds to the first answer, median": round(median(cpu for _, cpu in rounds), 2),
        "processor seconds of importing fastapi and uvicorn": round(import_seconds(), 2),
        "load average": [round(load, 1) for load in os.getloadavg()],
    }
    record("serve_cold_start", figures, seed=None, data={})


def start_once() -> tuple[float, float]:
    """Seconds from start to answer: of the wall clock, and of processor time of the service."""
    begin = perf_counter()
    words = [sys.executable, "-m", "ctxprune", "serve", "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        try:
            port = next(json.loads(line)["port"] for line in process.stderr or () if b'"listening"' in line)
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/prune", json.dumps(BODY).encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=120) as reply:
                answer = json.load(reply)
            found = perf_counter() - begin, cpu_seconds(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
    if answer["output"] != "It opened in 1933.":
        raise SystemExit(f"a wrong answer: {answer}")
    return found


def cpu_seconds(pid: int) -> float:
    """Of a process so far, all threads together, child processes not."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def import_seconds() -> float:
    """Processor seconds of what any such service takes before its own code runs."""
    code = "import fastapi, uvicorn, time; print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
