"""The command line, `caviar`. It imports nothing slow until a command needs it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence

import caviar
from caviar.errors import CaviarError

INTERRUPTED, BROKEN_PIPE = 130, 141
"""Exit codes of a command that Ctrl-C ended, or whose output nobody reads any more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code.

    >>> from caviar.cli import main
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
    study.add_argument("--best", type=_count, default=20, metavar="N", help="how many trials (20)")
    study.add_argument("--plot", metavar="PNG", help="draw the study into this file")
    study.add_argument("--csv", metavar="CSV", help="write all trials into this file")
    study.set_defaults(run=_study)
    chosen = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack a character
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except CaviarError as error:
        print(f"caviar: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has gone, as `head` does after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python may still flush at exit
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _count(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is wanted, not {text!r}")
    return int(text)


def _summary(chosen: argparse.Namespace) -> None:
    caviar.load_model(chosen.file).summary()


def _study(chosen: argparse.Namespace) -> None:
    from caviar.studies.tables import as_text

    study = caviar.load_study(chosen.file)
    rows = study.table().best(chosen.best)
    print(as_text(rows, shutil.get_terminal_size().columns) if rows else rows)
    if chosen.plot:
        study.plot(path=chosen.plot)
    if chosen.csv:
        study.table().to_csv(chosen.csv)
