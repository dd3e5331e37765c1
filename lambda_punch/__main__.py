"""``python -m lambda_punch`` is the command ``lambda-punch``."""

from __future__ import annotations

import sys

from .command import main

sys.exit(main())
