"""The command `caviar`. Imports nothing heavy until a command needs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import caviar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    parser = argparse.ArgumentParser(
        prog="caviar", description="Train one network, or a thousand, as one compiled program."
    )
    parser.add_argument("--version", action="version", version=f"caviar {caviar.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    summary = commands.add_parser("summary", help="print the layers of a saved model")
    summary.add_argument("file", help="a file that model.save wrote")
    chosen = parser.parse_args(arguments)
    return _summary(chosen.file)


def _summary(file: str) -> int:
    from caviar.errors import CaviarError

    try:
        caviar.load_model(file).summary()
    except CaviarError as error:
        print(f"caviar: {error}", file=sys.stderr)
        return 1
    return 0
