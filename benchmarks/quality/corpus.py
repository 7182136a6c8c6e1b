"""How much of a corpus static pruning may drop before BM25 finds less.

    python benchmarks/quality/corpus.py

Each pool holds all passages that its source has, those that answer nothing included; every passage of policyqa and of
squad_pairs is asked about, so that nothing can be dropped there without loss. "+ pages" adds as many passages of web
pages (article_extraction, whole pages with menus, advertisements and comments), which answer no question of the set: a
corpus as a crawl gives it. They are of the size of the set's passages: single blocks beside the sentences of
squad_pairs, else blocks packed to 600 characters. Where there are fewer of those, as many passages of the set are drawn
with the seed, with their questions. policyqa is asked within one policy, since its questions are templates that fit
every policy; scifact by the claims of the dev part; of squad_pairs and policyqa 3,000 questions are drawn.

The shipped weights were trained on fever_eraser, xquad_en, qed, selqa and tables of WikiTableQuestions' train part: no
set here is among them. That a quality is the product of two models, and not one model of both kinds of examples, was
decided with these figures for wtq_html, scifact and policyqa in view; weights and decay were not. After pruning BM25
(k1 1.2, b 0.75, words of `ctxprune.text.words.terms`) is built anew. The test is the paired two-sided t-test over
questions of the reciprocal rank at 10, against the whole corpus. `equal` is the largest share up to which no share is
significantly worse (p < 0.05); `within_5` the largest up to which the lower end of the two-sided 90 % interval of the
mean difference is above -5 % of the whole corpus' MRR (the non-inferiority half of TOST), which few questions cannot
fake. "random" is the mean of five seeds for the MRR, and the least of them for the shares. "oracle" drops passages
that answer no question first: no order can do better.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy import stats

from benchmarks.common.record import record
from benchmarks.quality._corpus_pools import REPORTED, Pool, fingerprints, web_passages
from ctxprune.rag.corpus.base import as_quality
from ctxprune.rag.corpus.cut import cut_share
from ctxprune.scorers.lexical.bm25 import index_terms
from ctxprune.text.words import terms

SEED, DEPTH, MOST_QUESTIONS = 0, 10, 3000
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
WITHIN = ("policyqa",)
RANDOM, DETAILED = 5, ("0.05", "0.25", "0.4")


class Search:
    """Reciprocal ranks of the best answering passage of each question, among the passages that stay."""

    def __init__(self, pool: Pool, *, within: bool) -> None:
        self.pool, self.within = pool, within
        self.passages = [terms(text) for text in pool.texts]
        self.questions = [terms(text) for text in pool.questions]
        self.groups = np.unique(pool.groups, return_inverse=True)[1]

    def ranks(self, kept: np.ndarray) -> np.ndarray:
        """float64 (n_questions,), 0 where none is among the first ten."""
        places = np.flatnonzero(kept)
        index = index_terms([self.passages[place] for place in places], k1=1.2, b=0.75)
        new = np.full(len(kept), -1)
        new[places] = np.arange(len(places))
        groups = self.groups[places]
        found = np.zeros(len(self.questions))
        for number, (question, relevant) in enumerate(zip(self.questions, self.pool.relevant, strict=True)):
            left = [int(new[place]) for place in relevant if new[place] >= 0]
            if not left:
                continue
            scores = index.score(question)
            if self.within:
                scores = np.where(groups == groups[left[0]], scores, 0)
            best = min(left, key=lambda place: (-scores[place], place))
            if scores[best] > 0:
                rank = 1 + int((scores > scores[best]).sum()) + int((scores[:best] == scores[best]).sum())
                found[number] = 1 / rank if rank <= DEPTH else 0
        return found


def compare(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    gain = after - before
    spread = gain.std(ddof=1) / len(gain) ** 0.5
    low = gain.mean() - stats.t.ppf(0.95, len(gain) - 1) * spread
    p = 1.0 if spread == 0 else float(stats.ttest_rel(after, before).pvalue)
    return {
        "mrr@10": round(float(after.mean()), 4),
        "difference": round(float(gain.mean()), 4),
        "p": round(p, 4),
        "low_90": round(float(low), 4),
    }


def largest(rows: dict[float, dict[str, float]], good) -> float:
    """The last share before the first that is not good."""
    found = 0.0
    for share, row in rows.items():
        if not good(row):
            break
        found = share
    return found


def measure(search: Search, before: np.ndarray, qualities: np.ndarray) -> dict:
    rows = {share: compare(before, search.ranks(cut_share(qualities, share))) for share in SHARES}
    return {
        "equal": largest(rows, lambda row: row["p"] >= 0.05 or row["difference"] >= 0),
        "within_5": largest(rows, lambda row: row["low_90"] > -0.05 * before.mean()),
        "shares": {str(share): row for share, row in rows.items()},
    }


def random_orders(search: Search, before: np.ndarray) -> dict:
    size = len(search.pool.texts)
    runs = [
        measure(search, before, np.random.default_rng(seed).random(size).astype(np.float32)) for seed in range(RANDOM)
    ]
    mean = {share: round(float(np.mean([run["shares"][share]["mrr@10"] for run in runs])), 4) for share in DETAILED}
    return {
        "equal": min(run["equal"] for run in runs),
        "within_5": min(run["within_5"] for run in runs),
        "mrr@10": mean,
    }


def report(name: str, whole: Pool) -> dict:
    pool = draw_questions(whole, MOST_QUESTIONS)
    search = Search(pool, within=name.split(" ", maxsplit=1)[0] in WITHIN)
    before = search.ranks(np.ones(len(pool.texts), dtype=bool))
    judged = {one: as_quality(one).score(pool.texts) for one in ("surface.v1", "length.v1")}
    oracle = whole.answered + np.random.default_rng(SEED).random(len(pool.texts)) / 2
    found = {
        "passages": len(pool.texts),
        "answering": int(whole.answered.sum()),
        "questions": len(pool.questions),
        "mrr@10": round(float(before.mean()), 4),
        **{one: measure(search, before, values) for one, values in judged.items()},
        "random": random_orders(search, before),
        "oracle": measure(search, before, oracle.astype(np.float32)),
    }
    line = {one: (found[one]["equal"], found[one]["within_5"]) for one in (*judged, "random", "oracle")}
    sys.stderr.write(f"{name}: MRR {found['mrr@10']}; shares equal, within 5 %: {line}\n")
    return found


def draw_questions(pool: Pool, most: int) -> Pool:
    if len(pool.questions) <= most:
        return pool
    places = sorted(np.random.default_rng(SEED).choice(len(pool.questions), most, replace=False).tolist())
    return Pool(
        pool.name, pool.texts, pool.groups, [pool.questions[i] for i in places], [pool.relevant[i] for i in places]
    )


def add_pages(pool: Pool, pages: list[str]) -> Pool:
    """Half passages of the set, half of web pages."""
    rng = np.random.default_rng(SEED)
    size = min(len(pool.texts), len(pages))
    # Answering passages are drawn with their share: a pool of these alone would say nothing about the others.
    chosen = np.sort(rng.choice(len(pool.texts), size, replace=False)).tolist()
    new = {place: number for number, place in enumerate(chosen)}
    asked = [
        (question, {new[place] for place in relevant if place in new})
        for question, relevant in zip(pool.questions, pool.relevant, strict=True)
    ]
    asked = [(question, relevant) for question, relevant in asked if relevant]
    junk = [pages[i] for i in np.sort(rng.choice(len(pages), size, replace=False))]
    texts = [pool.texts[place] for place in chosen] + junk
    groups = [pool.groups[place] for place in chosen] + ["pages"] * len(junk)
    return Pool(pool.name, texts, groups, [question for question, _ in asked], [relevant for _, relevant in asked])


def main() -> None:
    packed, blocks, figures = web_passages(), web_passages(packed=False), {}
    for name, load in REPORTED.items():
        pool = load()
        figures[name] = report(name, pool)
        pages = blocks if name == "squad_pairs" else packed
        figures[f"{name} + pages"] = report(f"{name} + pages", add_pages(pool, pages))
    names = [*REPORTED, "article_extraction", "article_extraction_more"]
    record("corpus", {"sets": figures}, seed=SEED, data=fingerprints(names))


if __name__ == "__main__":
    main()
