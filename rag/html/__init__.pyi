from .blocks import Block as Block
from .boilerplate import main_text as main_text
from .boilerplate import main_texts as main_texts
from .boilerplate import main_units as main_units
from .boilerplate import site_texts as site_texts
from .options import HtmlOptions as HtmlOptions
from .page import HtmlPage as HtmlPage
from .page import HtmlPages as HtmlPages
