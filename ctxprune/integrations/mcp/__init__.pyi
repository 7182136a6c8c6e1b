from .budget import DEFAULT_TOKENS as DEFAULT_TOKENS
from .budget import ReplyBudget as ReplyBudget
from .recall import Owner as Owner
from .recall import ReplyStore as ReplyStore
from .server import create_server as create_server
from .workspace import Caller as Caller
from .workspace import Workspace as Workspace
