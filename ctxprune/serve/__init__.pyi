from .app import create_app as create_app
from .config import ServiceConfig as ServiceConfig
from .config import load_config as load_config
