"""`python -m ganglion`."""

import sys

from .main import main

sys.exit(main())
