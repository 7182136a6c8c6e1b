"""`python -m ctxprune.cli`."""

import sys

from ctxprune.cli import main

sys.exit(main())
