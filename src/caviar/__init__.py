"""caviar trains neural networks: one network, or a thousand, as one compiled program."""

from __future__ import annotations

from caviar import config as config

__version__ = "0.1.0"
