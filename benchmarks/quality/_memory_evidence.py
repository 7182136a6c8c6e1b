"""How much of the evidence for a question the rows of the benchmark of memories keep."""

from __future__ import annotations

from benchmarks.quality._memory_stories import COUNTER, Kept, Story
from ctxprune.text.words import terms


def measure_evidence(story: Story, asked: dict, kept: Kept) -> dict[str, float | None]:
    gold = {story.ids.index(section) for section in asked["gold_sections"]}
    spans = [span for span in kept.spans if span[0] in gold]
    size = sum(len(story.texts[index]) for index in gold)
    figures: dict[str, float | None] = {
        "gold_share": sum(end - start for _, start, end in spans) / size,
        "answer_words": None,
        "all_words": None,
        "answer_in_place": None,
        "tokens": COUNTER.count(kept.text) / story.room,
    }
    answer, sentence = find_answer(story, asked, gold)
    if asked["explicit"] == "explicit" and answer:
        said = set(terms(" ".join(story.texts[index][start:end] for index, start, end in spans)))
        figures["answer_words"] = len(answer & said) / len(answer)
        figures["all_words"] = float(answer <= said)
        figures["answer_in_place"] = float(all(holds(kept, story, index) for index in (sentence - 1, sentence)))
    return figures


def find_answer(story: Story, asked: dict, gold: set[int]) -> tuple[set[str], int]:
    """The words of the answer that the gold sections say, and the sentence that says most of them."""
    places = [place for place, source in enumerate(story.context.sources) if source in gold]
    said = [set(terms(story.context.units[place].text)) for place in places]
    whole = set().union(*said)
    answers = [set(terms(answer)) for answer in asked["answers"]]
    best = max(answers, key=lambda words: (len(words & whole) / max(len(words), 1), len(words)))
    counts = [len(best & own) for own in said]
    return best & whole, places[counts.index(max(counts))]


def holds(kept: Kept, story: Story, index: int) -> bool:
    """Whether a sentence is kept as a whole; one before the first counts as kept."""
    if index < 0:
        return True
    source, (start, end) = story.context.sources[index], story.context.units[index].span
    covered = sum(max(0, min(end, stop) - max(start, first)) for own, first, stop in kept.spans if own == source)
    return covered >= 0.9 * (end - start)
