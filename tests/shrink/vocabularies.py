"""Tokenizers of some hundred pieces, one for each way in which models read text."""

from __future__ import annotations

import json
from functools import cache

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "the bridge of the town is long, longer than the lowest one",
    "who wrote the book of the new lake? ann wrote it in winter",
    "a river runs north; the lower river runs south under the bridge",
    "l'été à la plage, où les élèves lisent", "東京の橋は長い。東京の川も長い。",
]  # fmt: skip
OTHERS = [
    "zygomorphic 🦊 ж",
    "the <s> brïdge\u0000\t\n  of",
    "   ",
    "",
    "東 lower\u00adest élan",
    "THE BRIDGE 1933!",
    "▁the",
]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def _bpe(size: int, model: models.BPE, pre: pre_tokenizers.PreTokenizer, **options) -> Tokenizer:
    found = Tokenizer(model)
    found.pre_tokenizer = pre
    found.train_from_iterator(TEXTS * 3, trainers.BpeTrainer(vocab_size=size, show_progress=False, **options))
    return found


def _bytes(special: list[str]) -> Tokenizer:
    pre = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found = _bpe(340, models.BPE(), pre, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    found.decoder = decoders.ByteLevel()
    return found


def roberta() -> Tokenizer:
    """Special pieces first, but the mask last."""
    found = _bytes(SPECIAL)
    found.add_special_tokens(["<mask>"])
    found.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return found


def llama3() -> Tokenizer:
    """Special pieces behind the vocabulary; whole words are looked up before merges."""
    found = _bytes([])
    document = json.loads(found.to_str())
    document["model"]["ignore_merges"] = True
    found = Tokenizer.from_str(json.dumps(document))
    found.add_special_tokens(["<|begin|>", "<|end|>"])
    template = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 340)])
    found.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return found


def llama2() -> Tokenizer:
    """Characters, with bytes for others; every division of a piece is a merge, as SentencePiece's are converted."""
    trained = json.loads(_bpe(300, models.BPE(), pre_tokenizers.Metaspace()).to_str())["model"]["vocab"]
    pieces = {name: place for place, name in enumerate([*SPECIAL, *BYTES, *trained])}
    merges = [
        (name[:cut], name[cut:])
        for name in trained
        for cut in range(1, len(name))
        if name[:cut] in pieces and name[cut:] in pieces
    ]
    found = Tokenizer(models.BPE(pieces, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    found.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    ends = [decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    found.decoder = decoders.Sequence([decoders.Replace("▁", " "), *ends])
    found.add_special_tokens(SPECIAL)
    found.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return found


def suffixed() -> Tokenizer:
    """Characters that are others at the end of a word, as CLIP's."""
    model = models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")
    options = {"special_tokens": ["<unk>"], "end_of_word_suffix": "</w>"}
    found = _bpe(200, model, pre_tokenizers.WhitespaceSplit(), **options)
    found.decoder = decoders.BPEDecoder(suffix="</w>")
    return found


def prefixed() -> Tokenizer:
    """Characters that are others inside of a word."""
    model = models.BPE(unk_token="<unk>", continuing_subword_prefix="##")
    options = {"special_tokens": ["<unk>"], "continuing_subword_prefix": "##"}
    found = _bpe(200, model, pre_tokenizers.WhitespaceSplit(), **options)
    found.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return found


def _unigram(more: list[tuple[str, float]], *, fallback: bool) -> Tokenizer:
    found = Tokenizer(models.Unigram())
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, shrinking_factor=0.75
    )
    found.train_from_iterator(TEXTS * 3, trainer)
    pieces = [tuple(entry) for entry in json.loads(found.to_str())["model"]["vocab"]]
    found = Tokenizer(models.Unigram([*pieces, *more], unk_id=3, byte_fallback=fallback))
    found.pre_tokenizer, found.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    found.add_special_tokens(SPECIAL)
    return found


def xlm_roberta() -> Tokenizer:
    """No bytes: what is not spelled by characters is unknown. The mask stands last."""
    found = _unigram([("<mask>", 0.0)], fallback=False)
    found.add_special_tokens(["<mask>"])
    sides = {"single": "<s> $A </s>", "pair": "<s> $A </s> </s> $B </s>"}
    found.post_processor = processors.TemplateProcessing(**sides, special_tokens=[("<s>", 0), ("</s>", 2)])
    return found


def t5() -> Tokenizer:
    """With bytes, and extra pieces behind the others."""
    found = _unigram([(name, -20.0 - place) for place, name in enumerate(BYTES)], fallback=True)
    found.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    found.add_special_tokens(["<extra_id_0>", "<extra_id_1>"])
    found.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return found


BUILDERS = {entry.__name__: entry for entry in (llama2, llama3, prefixed, roberta, suffixed, t5, xlm_roberta)}


@cache
def text_of(name: str) -> str:
    """A `tokenizer.json`."""
    return BUILDERS[name]().to_str()
