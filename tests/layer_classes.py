"""The classes of layers, by the files in which they are defined."""

from __future__ import annotations

import inspect

from caviar import layers


def layers_in(*files: str) -> dict[str, type[layers.Layer]]:
    """The public layers that these files of `layers/` define, by name."""
    shown = {name: getattr(layers, name) for name in layers.__all__}
    return {
        name: value
        for name, value in shown.items()
        if inspect.isclass(value) and issubclass(value, layers.Layer) and value.__name__ == name
        if value.__module__.rpartition(".")[2] in files
    }
