from .accountant import Accountant as Accountant
from .accountant import account as account
from .associations import Prepared as Prepared
from .reading import Part as Part
from .reading import Reading as Reading
from .reading import Span as Span
from .reading import describe as describe
