"""The command `caviar`. Imports nothing heavy until a command needs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import caviar
from caviar.errors import CaviarError


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
    summary.set_defaults(run=_summary)
    study = commands.add_parser("study", help="print the best trials of a search, also while it is under way")
    study.add_argument("file", help="the path that search was given")
    study.add_argument("--best", type=int, default=20, metavar="N", help="how many trials (20)")
    study.add_argument("--plot", metavar="PNG", help="draw the study into this file")
    study.add_argument("--csv", metavar="CSV", help="write all trials into this file")
    study.set_defaults(run=_study)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except CaviarError as error:
        print(f"caviar: {error}", file=sys.stderr)
        return 1
    return 0


def _summary(chosen: argparse.Namespace) -> None:
    caviar.load_model(chosen.file).summary()


def _study(chosen: argparse.Namespace) -> None:
    study = caviar.load_study(chosen.file)
    print(study.table().best(chosen.best))
    if chosen.plot:
        study.plot(path=chosen.plot)
    if chosen.csv:
        study.table().to_csv(chosen.csv)
