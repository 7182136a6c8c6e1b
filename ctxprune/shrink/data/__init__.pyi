from .batches import Calibration as Calibration
from .batches import InputFormat as InputFormat
from .batches import batches_of as batches_of
from .pairs import Pair as Pair
from .pairs import group_by_source as group_by_source
from .pairs import read_pairs as read_pairs
from .texts import batches_of_texts as batches_of_texts
from .texts import read_texts as read_texts
