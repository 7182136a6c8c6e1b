"""Greedy decoding with drafts copied from retrieved passages and the prompt, verified by the model in one call each."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.drafts.draft_index import DraftIndex, GrowingIndex
from ctxprune.kv.model.attention import attentions_of, cache_argument_name
from ctxprune.kv.model.inputs import check_ids, positions_of
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole, describe_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.drafts.draft_index import Match

__all__ = ["DraftReport", "DraftResult", "Drafts", "generate_with_drafts"]


@dataclass(frozen=True)
class DraftReport:
    """Statistics of one call.

    Attributes:
        tokens: Tokens generated.
        steps: Calls of the model, the one over the prompt included; without drafts, as many as tokens.
        drafted: Tokens proposed.
        accepted: Proposed tokens that the model confirmed.
    """

    tokens: int
    steps: int
    drafted: int
    accepted: int

    @property
    def steps_saved(self) -> float:
        """Share of the model's steps that were saved, 0..1."""
        return 1 - self.steps / self.tokens if self.tokens else 0.0


@dataclass(frozen=True)
class DraftResult:
    """Ids of prompt and answer, (1, n), with statistics."""

    ids: Tensor
    report: DraftReport


class Drafts:
    """Drafts from passages and the prompt: `model.generate(ids, custom_generate=Drafts(passages), do_sample=False)`.

    The last tokens are searched in the passages, the prompt and the generated text, the longest n-gram first; the
    tokens that follow there are the draft (the retrieval part of Quan et al., "RASD: Retrieval-Augmented Speculative
    Decoding", 2025, without its draft model; Saxena, "Prompt Lookup Decoding", 2023). The model verifies a draft in one
    call and only its own tokens are kept, so that the text is that of greedy decoding, as far as the model's logits do
    not depend on how many tokens it reads at once: in half precision a near tie may be decided differently. Drafts
    double while they are confirmed, and shrink to little more than the confirmed part otherwise. Logits processors,
    stopping criteria and caches, pruned ones included, are those of `generate`; a streamer gets nothing, as
    transformers does not pass it on.

    One object serves one call at a time; `report` holds the statistics of the last call. Passages are indexed once.

    Args:
        passages: Token ids of each retrieved text, in any number; or an index of them.
        longest: The longest n-gram to search, 1 or more.
        shortest: The shortest n-gram to search, 1..longest.
        most: Maximum tokens of a draft, 1 or more; after a match of one token, drafts are a quarter as long.
        least: Tokens of a draft behind one that was rejected early, 1 or more, `most` at most. More save steps and let
            the model read more tokens in each: for accelerators, where a step costs the same for forty tokens as for
            one; with as many as `most`, drafts never shrink.

    Raises:
        UsageError: A parameter is out of its range, or passages are not token ids.
    """

    def __init__(
        self,
        passages: Sequence[Sequence[int]] | DraftIndex,
        *,
        longest: int = 6,
        shortest: int = 1,
        most: int = 40,
        least: int = 4,
    ) -> None:
        check_whole("most", most, minimum=1)
        check_whole("least", least, minimum=1)
        if not isinstance(passages, DraftIndex):
            passages = DraftIndex(_as_lists(passages), longest=longest, shortest=shortest)
        self.index, self.most, self.least = passages, most, least
        self.report = DraftReport(0, 0, 0, 0)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(
        self,
        model: nn.Module,
        input_ids: Tensor,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        generation_config: Any = None,
        **model_kwargs: Any,
    ) -> Tensor:
        """Generate; called by `model.generate`.

        Raises:
            UsageError: More than one row, sampling or beam search, no cache, or a cache that holds all ids already.
        """
        cache = model_kwargs.get("cache", model_kwargs.get("past_key_values"))
        _check_request(model, input_ids, generation_config, cache)
        reader = _ModelReader(model, cache, model_kwargs.get("attention_mask"))
        guess = _Proposer(self.index, input_ids[0].tolist(), self.most, self.least)
        ids, limit = input_ids, int(generation_config.max_length)
        steps = drafted = accepted = 0
        draft: list[int] = []
        while True:
            logits = reader.read(ids, draft)
            steps, drafted, before = steps + 1, drafted + len(draft), ids.shape[1]
            ids, right, done = _accept_draft(ids, draft, logits, logits_processor, stopping_criteria)
            accepted += right
            reader.crop(ids.shape[1] - 1)
            if done:
                break
            guess.learn(ids[0, before:].tolist(), len(draft), right)
            draft = guess.draft(limit - ids.shape[1] - 1)
        self.report = DraftReport(ids.shape[1] - input_ids.shape[1], steps, drafted, accepted)
        return ids


def generate_with_drafts(
    model: nn.Module,
    ids: Tensor,
    passages: Sequence[Sequence[int]] | DraftIndex,
    *,
    most: int = 40,
    least: int = 4,
    **options: Any,
) -> DraftResult:
    """`model.generate(ids, **options)`, greedy, with drafts from passages; see `Drafts`.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the prompt, (1, n), including those in the cache.
        passages: Token ids of each retrieved text, or an index of them.
        most: Maximum tokens of a draft.
        least: Tokens of a draft behind one that was rejected early.
        options: Options of `generate`: `cache=`, `max_new_tokens=`, `eos_token_id=` and so on.

    Raises:
        UsageError: As `Drafts`.
    """
    attentions_of(model)
    check_ids(ids)
    drafts = Drafts(passages, most=most, least=least)
    made: Tensor = model.generate(ids, custom_generate=drafts, **{"do_sample": False, **options})
    return DraftResult(made, drafts.report)


class _Proposer:
    """Proposes drafts from all texts, and adapts their length."""

    def __init__(self, passages: DraftIndex, prompt: list[int], most: int, least: int) -> None:
        sizes = {"longest": passages.longest, "shortest": passages.shortest}
        self._texts = [passages, DraftIndex([prompt], **sizes)]
        self._own = GrowingIndex(**sizes)
        self._ended = prompt[-64:]
        self._near = [0, 0]
        # Text of the last draft, and its start.
        self._source: tuple[int, int] | None = None
        self._most, self._least = most, min(least, most)
        self._size = min(max(8, least), most)

    def learn(self, tokens: list[int], drafted: int, right: int) -> None:
        """Record the tokens of one step, `right` of which, out of `drafted`, had been proposed."""
        self._own.add(tokens)
        self._ended = (self._ended + tokens)[-64:]
        if self._source is not None and right:
            text, place = self._source
            # Where one draft was right, the next one most likely continues: ties are decided by distance from there.
            self._near[text] = place + right
        if drafted:
            self._size = (
                min(2 * drafted, self._most) if right == drafted else min(max(right + 2, self._least), self._most)
            )

    def draft(self, room: int) -> list[int]:
        """Tokens to propose, at most `room`."""
        self._source = None
        if room < 1:
            return []
        found: list[Match | None] = [
            text.find(self._ended, near) for text, near in zip(self._texts, self._near, strict=True)
        ]
        found.append(self._own.find())
        best = max((match.length for match in found if match is not None), default=0)
        if not best:
            return []
        # A match of a single token is often chance.
        size = min(self._size if best > 1 else max(self._size // 4, 1), room)
        for number, match in enumerate(found):
            if match is not None and match.length == best:
                if number < len(self._texts):
                    self._source = number, match.place
                    return self._texts[number].after(match, size)
                return self._own.after(match, size)
        return []


class _ModelReader:
    """Lets the model read ids and drafts, and removes rejected tokens from the cache."""

    def __init__(self, model: nn.Module, cache: Any, mask: Tensor | None) -> None:
        self._model, self._cache, self._mask = model, cache, mask
        self._name = cache_argument_name(model)
        # Logits over the whole prompt are large (tokens x vocabulary): most models can return the last ones only.
        self._few = "logits_to_keep" in inspect.signature(model.forward).parameters
        record = optional_member(cache, "activate_past_recording")
        if record is not None:
            # Sliding windows then keep the tokens they need to be cropped.
            record()

    def read(self, ids: Tensor, draft: list[int]) -> Tensor:
        """Logits of the last token of `ids` and of the draft's behind it, float32 (1, 1 + draft, vocabulary)."""
        count = 1 + len(draft)
        whole = torch.cat([ids, ids.new_tensor([draft])], dim=1) if draft else ids
        new = whole[:, self._cache.get_seq_length() :]
        given: dict[str, Any] = {"logits_to_keep": count} if self._few else {}
        if self._mask is not None:
            more = self._mask.new_ones(1, whole.shape[1] - self._mask.shape[1])
            given["attention_mask"] = mask = torch.cat([self._mask, more], dim=1)
            # As `generate` computes them: with padding, positions are not indices.
            given["position_ids"] = positions_of(mask)[:, -new.shape[1] :]
        output = self._model(input_ids=new, use_cache=True, **{self._name: self._cache}, **given)
        logits: Tensor = output.logits[:, -count:].float()
        return logits

    def crop(self, stay: int) -> None:
        """Crop the cache to `stay` tokens."""
        self._cache.crop(stay - self._cache.get_seq_length())


def _accept_draft(
    ids: Tensor, draft: list[int], logits: Tensor, processor: Any, stopping: Any
) -> tuple[Tensor, int, bool]:
    """The ids with the model's own tokens appended, how many of the draft's were confirmed, and whether to stop."""
    for number in range(len(draft) + 1):
        # Processors see the ids before each token, as in ordinary decoding: drafted ids must not be among them.
        scores = logits[:, number] if not processor else processor(ids, logits[:, number])
        token = scores.argmax(dim=-1)
        ids = torch.cat([ids, token[:, None].to(ids.device)], dim=1)
        right = number < len(draft) and int(token) == draft[number]
        if stopping and bool(stopping(ids, None).all()):
            return ids, number + right, True
        if not right:
            return ids, number, False
    raise AssertionError("a draft ends with a token of the model's own")


def _check_request(model: nn.Module, ids: Tensor, config: Any, cache: Any) -> None:
    if ids.shape[0] != 1:
        raise UsageError(f"drafts serve one row, and there are {ids.shape[0]}", hint="generate row by row")
    if config is None or config.do_sample or config.num_beams > 1 or config.return_dict_in_generate:
        raise UsageError(
            "drafts serve greedy decoding to plain ids",
            hint="model.generate(ids, custom_generate=drafts, do_sample=False), without beams or a dict",
        )
    if (
        optional_member(model.config, "is_encoder_decoder", False)
        or cache is None
        or optional_member(cache, "crop") is None
    ):
        raise UsageError("drafts need a decoder with a cache that can be cropped", hint="leave use_cache on")
    if cache.get_seq_length() >= ids.shape[1]:
        raise UsageError(
            f"the cache holds {cache.get_seq_length()} tokens and {ids.shape[1]} ids are given",
            hint="pass the ids of the cache and at least one more",
        )


def _as_lists(passages: Any) -> list[list[int]]:
    if isinstance(passages, (str, bytes)) or not isinstance(passages, Iterable):
        raise UsageError(f"the passages are {describe_type(passages)}", hint="a list of the token ids of each")
    return [_as_ids(text) for text in passages]


def _as_ids(text: Any) -> list[int]:
    if isinstance(text, torch.Tensor) and not text.is_floating_point():
        ids: list[int] = text.flatten().tolist()
        return ids
    if isinstance(text, (str, bytes, torch.Tensor)) or not isinstance(text, Iterable):
        raise UsageError(f"a passage is {describe_type(text)}", hint="token ids: tokenizer(text)['input_ids']")
    try:
        return [index(token) for token in text]
    except TypeError as error:
        raise UsageError(
            "a passage contains something that is not a token id", hint="tokenizer(text)['input_ids']"
        ) from error
