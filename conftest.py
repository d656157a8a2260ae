"""An example in a docstring runs as it would in a fresh interpreter, where it is pasted: it sees nothing of its module."""

from __future__ import annotations

import pytest
from _pytest.doctest import DoctestItem


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the module's names from its examples."""
    for item in items:
        if isinstance(item, DoctestItem):
            item.dtest.globs = {"__name__": "__main__"}
