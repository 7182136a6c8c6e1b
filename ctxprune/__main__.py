"""`python -m ctxprune`."""

import sys

from ctxprune.cli import main

sys.exit(main())
