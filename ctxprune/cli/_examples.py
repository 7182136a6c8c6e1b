"""Examples that each command's help ends with, and the page that `ctxprune` alone prints."""

from __future__ import annotations

__all__ = ["DOORS", "EXAMPLES", "format_examples"]

DOORS = """\
Keep what a question needs; everything runs on this machine.

  Texts, pages, tables     ctxprune prune notes.md -q "When did it open?" --budget 300
  A database               ctxprune sql ask shop.sqlite "How many customers are in Paris?"
  A service or an agent    ctxprune serve shop.sqlite        ctxprune mcp shop.sqlite
  Models and research      ctxprune shrink --help            ctxprune bench --help

`ctxprune demo` makes a sample database and asks it; `ctxprune --help` lists all commands.
"""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "prune": (
        'ctxprune prune docs/*.md -q "When did it open?" --budget 500',
        'ctxprune prune sales.csv -q "Which city sold most?" --budget 25%',
        'curl -s https://example.org | ctxprune prune -q "When did it open?" --format html',
    ),
    "dedup": ("ctxprune dedup notes.txt", "ctxprune dedup notes/*.md --json"),
    "demo": ("ctxprune demo",),
    "doctor": ("ctxprune doctor", "ctxprune doctor --json"),
    "extract": ("ctxprune extract invoices/*.txt --schema invoice.json",),
    "calibrate": ("ctxprune calibrate --data spider --risk 0.02 --out limits.json",),
    "mcp": ("ctxprune mcp shop.sqlite", "ctxprune mcp shop.sqlite --print-config"),
    "models": ("ctxprune models",),
    "serve": ("ctxprune serve shop.sqlite", "ctxprune serve --config service.toml"),
    "sql index": ("ctxprune sql index shop.sqlite", "ctxprune sql index shop.sqlite --exclude customer.email"),
    "sql values": ('ctxprune sql values shop.sqlite "sales in sao paulo"',),
    "sql link": ('ctxprune sql link shop.sqlite "How many customers are in Paris?" --explain',),
    "sql ask": (
        'ctxprune sql ask shop.sqlite "How many customers are in Paris?"',
        'ctxprune sql ask shop.sqlite "How many customers are in Paris?" --generator chat:model.gguf',
    ),
    "sql check": ('ctxprune sql check --dialect postgres -- "SELECT 1"',),
    "sql learn": (
        'ctxprune sql learn shop.sqlite --term "big city" "population over 1000000"',
        'ctxprune sql learn shop.sqlite --instruction share "Shares are in percent, with one decimal"',
        "ctxprune sql learn shop.sqlite --from-traces traces.jsonl",
    ),
    "sql match": ("ctxprune sql match old.sqlite new.sqlite",),
    "sql migrate": ("ctxprune sql migrate old.sqlite new.sqlite --knowledge terms.json --out migrated",),
    "bench bird": ("ctxprune bench bird --data bird --predictions predict.json",),
    "bench compare": ("ctxprune bench compare first.json second.json",),
    "bench cosql": ("ctxprune bench cosql --data cosql",),
    "bench html": ("ctxprune bench html --data wtq_html",),
    "bench dedup": ("ctxprune bench dedup --data texts",),
    "bench field": ("ctxprune bench field --data field",),
    "bench kv": ("ctxprune bench kv --model decoder --text manual.txt --press SnapKV",),
    "bench linking": ("ctxprune bench linking --data spider",),
    "bench passages": ("ctxprune bench passages --data hotpotqa",),
    "bench rerank": ("ctxprune bench rerank --data scifact",),
    "bench select": ("ctxprune bench select --data spider --candidates candidates.jsonl",),
    "bench sparc": ("ctxprune bench sparc --data sparc",),
    "bench spider": ("ctxprune bench spider --data spider --generator sketch --json",),
    "bench sqleval": ("ctxprune bench sqleval --data sqleval",),
    "bench tables": ("ctxprune bench tables --data fetaqa",),
    "bench tools": ("ctxprune bench tools --data tools",),
    "bench trust": ("ctxprune bench trust --data sqleval --plot curve.svg",),
    "bench values": ("ctxprune bench values --data spider",),
    "corpus prune": ("ctxprune corpus prune corpus.jsonl --share 0.1 --out kept.jsonl",),
    "train pruner": ("ctxprune train pruner --data lines.jsonl --base encoder --out model",),
    "train distil": ("ctxprune train distil --help",),
    "train select": (
        "ctxprune train select data.jsonl --by program --databases spider",
        "ctxprune train select data.jsonl --mix wiki=2,web=1 --share 0.3 --out chosen.jsonl",
        "ctxprune train select data.jsonl --reference wanted.jsonl --share 0.3 --out chosen.jsonl",
    ),
    "shrink audit": ("ctxprune shrink audit reranker small --data pairs.jsonl --html audit.html",),
    "shrink list": ("ctxprune shrink list", "ctxprune shrink list --all"),
    "shrink run": ("ctxprune shrink reranker --data pairs.jsonl --target latency=0.5 --out small",),
    "shrink show": ("ctxprune shrink show fisher_knapsack",),
}


def format_examples(command: str) -> str:
    """The last paragraphs of a command's help; each example is one, since paragraphs keep their own line."""
    return "\n\n".join(["Examples:", *EXAMPLES[command]])
