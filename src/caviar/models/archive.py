"""A model's file: one zip of JSON and safetensors. Sizes are checked before anything is read; loading executes nothing."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import deserialize
from safetensors.numpy import save as to_safetensors

from caviar import __version__
from caviar.errors import FileError
from caviar.files import as_path, written_whole

FORMAT = 1
DOCUMENT = "caviar.json"
WEIGHTS, OPTIMIZER, RUN, STATISTICS = (f"{n}.safetensors" for n in ("weights", "optimizer", "run", "statistics"))
_MEMBERS = (DOCUMENT, WEIGHTS, OPTIMIZER, RUN, STATISTICS)
_KINDS = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint", "BOOL": "bool", "C": "complex"}


def write(path: Any, document: dict[str, Any], parts: dict[str, bytes], overwrite: bool = True) -> None:
    """Write a file as a whole; equal contents give equal bytes."""
    if not overwrite and os.path.lexists(as_path(path)):
        raise FileError(f"{as_path(path)} exists already: give another name, or overwrite=True")
    text = json.dumps({"format": FORMAT, "caviar": __version__, **document})
    with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {DOCUMENT: text.encode(), **parts}.items():
            member = zipfile.ZipInfo(name)  # without a date
            member.external_attr = 0o600 << 16
            archive.writestr(member, content)


def read(path: Path, *kinds: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The document and the parts of a file, checked."""
    if not os.path.exists(path):
        raise FileError("this file does not exist")
    with zipfile.ZipFile(path) as archive:
        contents = {name: _member(archive, name, os.path.getsize(path)) for name in _members(archive)}
    document = json.loads(contents.pop(DOCUMENT))
    if document.get("format") != FORMAT:
        raise FileError(
            f"it has format {document.get('format')}, written by caviar {document.get('caviar')}; "
            f"this is caviar {__version__}, which reads format {FORMAT}"
        )
    if document.get("kind") not in kinds:
        raise FileError(f"it holds a {document.get('kind')}, and a {' or '.join(kinds)} is wanted here")
    return document, contents


def _members(archive: zipfile.ZipFile) -> list[str]:
    """The members that caviar writes; others are not read."""
    names = [name for name in archive.namelist() if name in _MEMBERS]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(f"it holds {twice} twice")
    return names


def _member(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """A member, which must be stored uncompressed, so that it cannot be larger than the file."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.file_size > size:
        raise FileError(
            f"its part {name} is said to have {info.file_size} bytes in {info.compress_size} of a file of {size}: "
            "caviar writes its parts uncompressed, as `zip -0` does"
        )
    return archive.read(name)


def pack(tensors: dict[str, np.ndarray]) -> bytes:
    """Arrays as safetensors."""
    return to_safetensors({name: np.asarray(t, order="C") for name, t in tensors.items()})


def unpack(parts: dict[str, bytes], name: str) -> dict[str, np.ndarray]:
    """The arrays of a part, by their names.

    >>> import numpy as np
    >>> from caviar.models.archive import pack, unpack
    >>> unpack({"weights.safetensors": pack({"bias": np.zeros(2)})}, "weights.safetensors")
    {'bias': array([0., 0.])}
    """
    if name not in parts:
        raise FileError(f"its part {name} is missing")
    return {key: _array(**entry) for key, entry in sorted(deserialize(parts[name]))}


def _array(dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    """An array of a safetensors file; the library's own reader for NumPy does not know bfloat16."""
    kind = dtype.rstrip("0123456789")
    return np.frombuffer(data, jnp.dtype(_KINDS[kind] + dtype.removeprefix(kind))).reshape(shape)
