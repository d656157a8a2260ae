"""`python -m caviar`."""

from __future__ import annotations

import sys

from caviar.cli import main

if __name__ == "__main__":
    sys.exit(main())
