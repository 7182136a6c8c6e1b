"""Calibration data: pairs and texts from files, as batches in a model's real format.

Pairs of a user's own are JSON lines, gzipped or not, one pair a line:

{"query": "who wrote it?", "passage": "It was written by Ann.", "label": 1}
{"query": "who wrote it?", "text": "It was sold in May.", "label": 0, "teacher": -4.2, "source": "shop"}

`query` (or `question`) and `passage` (or `text`) are needed; `label` is 0 or 1 or a grade from 0 up, `teacher` a score
of a model that is not at hand, `source` (or `lang`, a language) where the pair comes from. Label and teacher stand in
all lines or in none. Pairs of one query are a group: what is ranked against one another.

How Does Calibration Data Affect the Post-training Pruning (Williams and Aletras, ACL 2024) found that samples differ
by source and by chance: take pairs of the domain with passages that are not relevant, and more than one seed.

Names are imported when they are first used (`__init__.pyi` lists them): reading pairs and texts needs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
