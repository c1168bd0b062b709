"""``python -m mmembed``: the command line."""

import sys

from mmembed.cli.program import main

sys.exit(main())
