"""Files in Keras' folder, `~/.keras` or KERAS_HOME: found there, or downloaded, checked and stored there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Annotated, Any

from caviar.arguments import check
from caviar.declarations import OneOf
from caviar.errors import ArgumentError, FileError
from caviar.files import as_path, make_folder, written_whole

__all__ = ["get_file"]

_DIGITS = {32: "md5", 64: "sha256"}


def home() -> Path:
    """The folder of Keras' files: KERAS_HOME, or `~/.keras`."""
    return as_path(os.environ.get("KERAS_HOME") or "~/.keras")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: Annotated[str, OneOf("auto", "md5", "sha256")] = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file in `~/.keras/datasets`, which is downloaded from `origin` if it is missing.

    A hash given is compared with the file's. With `extract` an archive is extracted, and the path is that of its folder.

    >>> import pathlib, tempfile
    >>> from caviar.utils import get_file
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "notes.txt").write_text("a corpus")
    >>> pathlib.Path(get_file("notes.txt", cache_dir=folder, cache_subdir="")).read_text()
    'a corpus'
    """
    check(get_file, locals())
    name = os.path.basename(str(fname or origin or ""))
    if not name:
        raise ArgumentError("get_file wants a file's name, or an origin that ends with one")
    folder = as_path(cache_dir if cache_dir is not None else home()) / cache_subdir
    wanted, expands = file_hash or md5_hash, extract or untar
    archive = folder / (name + ".archive" if expands and fname and not _is_archive(name) else name)
    path = folder / (re.sub(r"\.(tar\.gz|tgz|tar\.bz2|tar\.xz|tar|zip)$", "", name) + "_extracted" if expands else name)
    if expands and fname and not _is_archive(name):
        path = folder / name
    if path.exists() and not force_download and (expands or _is_the(path, wanted, hash_algorithm)):
        return str(path)
    if force_download or not archive.exists():
        _fetch(origin, archive, path)
    if not _is_the(archive, wanted, hash_algorithm):
        raise FileError(
            f"{archive} is not the file that was meant: its hash is not {wanted}. Remove it and fetch it anew"
        )
    if expands:
        _unpack(archive, path)
    return str(path)


def _is_archive(name: str) -> bool:
    return name.endswith((".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".zip"))


def _is_the(path: Path, wanted: str | None, algorithm: str) -> bool:
    """Whether a file has this hash; True if none is given."""
    if not wanted:
        return True
    kind = _DIGITS.get(len(wanted), "sha256") if algorithm == "auto" else algorithm
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest() == wanted


def _fetch(origin: str | None, archive: Path, path: Path) -> None:
    if not origin:
        raise FileError(f"{path} does not exist, and no origin says where to fetch it: put the file there")
    if not origin.startswith(("https://", "http://", "file://")):
        raise ArgumentError(f"origin of get_file is an address such as https://..., and is {origin!r}")
    make_folder(archive.parent)
    print(f"Downloading data from {origin}")
    try:
        with urllib.request.urlopen(origin) as source, written_whole(archive) as file:
            shutil.copyfileobj(source, file)
    except (urllib.error.URLError, OSError) as error:
        raise FileError(f"{origin} cannot be fetched ({error}): fetch it elsewhere and put it at {archive}") from error


def _unpack(archive: Path, path: Path) -> None:
    """Extract an archive into a folder; members that would be written elsewhere are refused."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(path)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            packed.extractall(path, filter="data")
    else:
        raise FileError(f"{archive} is not an archive that can be extracted: a tar or a zip file is")
