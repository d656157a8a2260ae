"""Saving and loading: tensors in safetensors files. Nothing that loads can execute, so there is no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import deserialize
from safetensors.numpy import save as to_safetensors

from caviar.dialects.torch.creation import tensor
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, FileError
from caviar.files import as_path, reading, write_whole


def save(obj: Any, f: Any) -> None:
    """Save tensors, in nested dicts, lists and tuples with plain values: a state dict, or a checkpoint of several.

    >>> import tempfile, caviar.dialects.torch as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save({"w": torch.ones(2), "epoch": 3}, f"{folder}/state.pt")
    ...     torch.load(f"{folder}/state.pt")
    {'w': tensor([1., 1.]), 'epoch': 3}
    """
    arrays: list[np.ndarray] = []
    document = json.dumps(_written(obj, arrays))
    content = to_safetensors({str(i): np.asarray(a, order="C") for i, a in enumerate(arrays)}, {"tree": document})
    if hasattr(f, "write"):
        f.write(content)
        return
    write_whole(f, content)


def load(f: Any, map_location: Any = None, *, weights_only: bool | None = None, mmap: bool | None = None) -> Any:
    """Load what `save` wrote, or any safetensors file. `map_location` and the other arguments are ignored: there is one device."""
    try:
        content = f.read() if hasattr(f, "read") else as_path(f).read_bytes()
    except OSError as error:
        raise FileError(f"{f} could not be read: {error.strerror or error}") from error
    if content[:2] == b"PK" and b"caviar.json" in content[:100]:
        raise FileError(
            f"{f} was written by a model of caviar's: load it with caviar.models.load_model, or load_weights"
        )
    if content[:2] == b"PK" or content[:1] == b"\x80":
        raise FileError(
            f"{f} is a pickle file, as PyTorch writes them: loading it could run anything, so caviar does not. "
            "In PyTorch, write safetensors.torch.save_file(model.state_dict(), path), and load that"
        )
    with reading(getattr(f, "name", "the file") if hasattr(f, "read") else f, "safetensors file"):
        arrays = {name: _array(**entry) for name, entry in deserialize(content)}
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        tree = header.get("__metadata__", {}).get("tree")
        return {k: tensor(v) for k, v in arrays.items()} if tree is None else _read(json.loads(tree), arrays)


_KINDS = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint", "BOOL": "bool"}


def _array(dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    """An array of safetensors, whose own reader for NumPy knows no bfloat16."""
    kind = dtype.rstrip("0123456789")
    return np.frombuffer(data, _KINDS[kind] + dtype.removeprefix(kind)).reshape(shape)


def _written(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, (Tensor, np.ndarray)):
        arrays.append(value.numpy(force=True) if isinstance(value, Tensor) else value)
        return {"tensor": len(arrays) - 1}
    if isinstance(value, Mapping):
        return {"dict": [[_written(k, arrays), _written(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__ if type(value) is list else "tuple": [_written(v, arrays) for v in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ArgumentError(
        f"save writes tensors and plain values, and was given {type(value).__name__}: save model.state_dict(), not the model"
    )


def _read(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensor(arrays[str(content)])
    if kind == "dict":
        return {_read(k, arrays): _read(v, arrays) for k, v in content}
    items = [_read(v, arrays) for v in content]
    return {"list": list, "tuple": tuple}[kind](items)
