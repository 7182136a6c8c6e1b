from .base import RangeHit as RangeHit
from .base import ValueHit as ValueHit
from .base import ValueLookup as ValueLookup
from .index import ColumnReport as ColumnReport
from .index import ValueIndex as ValueIndex
