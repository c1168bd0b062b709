"""``python -m mmembed.cli``."""

import sys

from mmembed.cli.main import main

sys.exit(main())
