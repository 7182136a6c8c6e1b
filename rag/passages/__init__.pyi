from .addressed import addressed_units as addressed_units
from .fence import escape_chat_marks as escape_chat_marks
from .fence import new_fence as new_fence
from .options import PassageOptions as PassageOptions
from .passages import Passage as Passage
from .passages import Passages as Passages
from .sentences import sentence_spans as sentence_spans
