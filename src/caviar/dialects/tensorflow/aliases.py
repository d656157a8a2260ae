"""Other names for modules, also in import lines: `keras` is caviar, and `compat.v1` is this dialect.

So that `from caviar.dialects.tensorflow.keras.layers import Dense` gives caviar's own class, and imports no more than it needs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

HERE = "caviar.dialects.tensorflow"
MEANT = {f"{HERE}.keras": "caviar", f"{HERE}.compat.v1": HERE, f"{HERE}.compat": HERE}


def meant(name: str) -> str | None:
    """The name of the module that an alias stands for, or None.

    >>> from caviar.dialects.tensorflow.aliases import meant
    >>> meant("caviar.dialects.tensorflow.keras.layers"), meant("caviar.layers")
    ('caviar.layers', None)
    """
    alias = next((a for a in MEANT if name == a or name.startswith(f"{a}.")), None)
    return MEANT[alias] + name.removeprefix(alias) if alias else None


class Aliases(MetaPathFinder, Loader):
    """An import hook that imports, for an alias, the module that it stands for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for an alias; every other name is left to Python."""
        return ModuleSpec(fullname, self, is_package=True) if meant(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        """Import the module that the alias stands for."""
        sys.modules[module.__name__] = importlib.import_module(str(meant(module.__name__)))


if not any(isinstance(finder, Aliases) for finder in sys.meta_path):
    sys.meta_path.insert(0, Aliases())
