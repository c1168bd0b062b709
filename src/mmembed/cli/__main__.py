"""``python -m mmembed.cli``."""

import sys

from mmembed.cli.program import main

sys.exit(main())
