"""The classes of layers, by the files in which they are defined."""

from __future__ import annotations

import inspect

from caviar import layers

SHOWN = {
    name: value
    for name, value in ((name, getattr(layers, name)) for name in layers.__all__)
    if inspect.isclass(value) and issubclass(value, layers.Layer) and value.__name__ == name
}


def file_of(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


def layers_in(*files: str) -> dict[str, type[layers.Layer]]:
    """The public layers that these files of `layers/` define, by name."""
    return {name: cls for name, cls in SHOWN.items() if file_of(cls) in files}


SLIDING = layers_in(
    "conv", "conv_transpose", "depthwise", "pooling", "global_pooling", "adaptive_pooling", "batch_normalization",
    "normalization",
)  # fmt: skip
RECURRENT = layers_in("attention", "cells", "embedding", "recurrent", "wrappers")
PICTURES_AND_TEXT = layers_in("augmentation", "resizing", "vocabularies")
FUNCTIONS = layers_in("rectifiers", "sigmoids", "thresholds", "slopes", "softmaxes")
SIMPLE = {n: c for n, c in SHOWN.items() if n not in {"Layer", *SLIDING, *RECURRENT, *PICTURES_AND_TEXT}}
"""All others, those in files that are new included."""
