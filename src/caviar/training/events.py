"""TensorBoard event files, written without TensorFlow.

A file is a chain of records: the length of an event, a checksum of the length, the event, a checksum of the event.
An event is a protocol buffer; the few messages needed are encoded here by hand.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
import weakref
import zlib
from pathlib import Path
from typing import Any, Self

import numpy as np

from caviar.errors import ShapeError
from caviar.files import append, make_folder, truncate

_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # DataType of TensorProto
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # DataClass of SummaryMetadata
_BUCKETS = 30  # of a histogram, as TensorBoard's own writers have
_HUGE = 1e300  # a larger value would overflow the range of a histogram
_KEPT = 10_000  # events between two flushes
_PNG_COLORS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels to PNG's color type
_count = itertools.count()


class EventWriter:
    """Writes what TensorBoard shows: `tensorboard --logdir` of the folder or of one above it.

    With the `name` of an existing file, it continues that file after so many bytes.

    >>> from caviar.training.events import EventWriter
    >>> import tempfile
    >>> with EventWriter(tempfile.mkdtemp()) as writer:
    ...     writer.scalar("epoch_loss", 0.25, step=0)
    >>> writer.path.name.startswith("events.out.tfevents.")
    True
    """

    def __init__(self, folder: str | os.PathLike[str], name: str | None = None, size: int = 0):
        self.path = make_folder(folder) / (name or new_name())
        self.size = truncate(self.path, size)
        self._events: list[bytes] = []
        # A writer that is never closed still flushes.
        self._closer = weakref.finalize(self, _write, self.path, self._events)
        if self.size == 0:
            self._event(time.time(), (3, "brain.Event:2"))
            self.flush()

    def scalar(self, tag: str, value: Any, step: int, wall_time: float | None = None) -> None:
        """One point of a curve."""
        with np.errstate(over="ignore"):
            self._summary(tag, "scalars", _SCALAR, _numbers(np.float32(value)), step, wall_time)

    def histogram(self, tag: str, values: Any, step: int, wall_time: float | None = None) -> None:
        """A histogram of values, as rows of (left edge, right edge, count), without those that are not finite."""
        self._summary(tag, "histograms", _TENSOR, _numbers(_buckets(np.asarray(values))), step, wall_time)

    def image(self, tag: str, array: Any, step: int, wall_time: float | None = None) -> None:
        """One picture or several: HxW, HxWxC or NxHxWxC; integers from 0 to 255 or floats from 0 to 1."""
        images = _as_images(np.asarray(array))
        size = [str(images.shape[2]).encode(), str(images.shape[1]).encode()]
        self._summary(tag, "images", _BLOBS, _strings(size + [_png(i) for i in images]), step, wall_time)

    def text(self, tag: str, markdown: str, step: int = 0, wall_time: float | None = None) -> None:
        """Some text, in Markdown."""
        self._summary(tag, "text", _TENSOR, _strings([markdown.encode()]), step, wall_time)

    def for_plugin(self, plugin: str, tag: str, content: bytes) -> None:
        """A tag without numbers, whose description holds an encoded message for a plugin of TensorBoard."""
        self._summary(tag, plugin, _TENSOR, _numbers(np.zeros(0, np.float32)), 0, None, content)

    def flush(self) -> None:
        """Write everything collected so far to the file, for TensorBoard to see: whole events, or nothing."""
        if self._events:
            self.size = _write(self.path, self._events)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.flush()
        self._closer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _summary(
        self, tag: str, plugin: str, kind: int, tensor: bytes, step: int, wall_time: float | None, content: bytes = b""
    ) -> None:
        described = ((1, plugin), (2, content)) if content else ((1, plugin),)
        metadata = message((1, message(*described)), (4, kind))
        value = message((1, tag), (9, metadata), (8, tensor))
        self._event(time.time() if wall_time is None else wall_time, (2, int(step)), (5, message((1, value))))

    def _event(self, wall_time: float, *fields: tuple[int, Any]) -> None:
        event = message((1, float(wall_time)), *fields)
        length = struct.pack("<Q", len(event))
        self._events.append(length + _checksum(length) + event + _checksum(event))
        if len(self._events) >= _KEPT:
            self.flush()


def new_name() -> str:
    """A unique name for a file of events.

    >>> from caviar.training.events import new_name
    >>> new_name().startswith("events.out.tfevents.")
    True
    """
    return f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_count)}"


def _write(path: Path, events: list[bytes]) -> int:
    content = b"".join(events)
    events.clear()
    return append(path, content)


def message(*fields: tuple[int, int | float | str | bytes]) -> bytes:
    """A protocol buffer: each field's number and value; the type of a value decides how it is encoded."""
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: int | float | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers as 64-bit two's complement."""
    value &= 2**64 - 1
    content = bytearray()
    while value > 127:
        content.append(value & 127 | 128)
        value >>= 7
    return bytes(content) + bytes([value])


def _shape(shape: tuple[int, ...]) -> bytes:
    return message(*[(2, message((1, size))) for size in shape])


def _numbers(array: Any) -> bytes:
    """A TensorProto of float32 or float64 numbers."""
    kind = _FLOAT if array.dtype == np.float32 else _DOUBLE
    return message((1, kind), (2, _shape(array.shape)), (4, array.astype(array.dtype.newbyteorder("<")).tobytes()))


def _strings(values: list[bytes]) -> bytes:
    """A TensorProto of byte strings: a list of several, or one alone."""
    shape = (len(values),) if len(values) > 1 else ()
    return message((1, _STRING), (2, _shape(shape)), *[(8, v) for v in values])


def _table() -> list[int]:
    """CRC-32C (Castagnoli) of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0x82F63B78), table >> 1)
    return table.tolist()


_CRC = _table()


def _checksum(content: bytes) -> bytes:
    """CRC-32C, masked as TFRecord wants it (a checksum of checksums would else be weak)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _buckets(values: np.ndarray) -> np.ndarray:
    """Thirty buckets of equal width; where all values are equal, all of them in the last."""
    values = values.astype(np.float64).ravel()
    values = values[np.abs(values) < _HUGE]
    if values.size == 0:
        return np.zeros((_BUCKETS, 3))
    low, high = values.min(), values.max()
    width = high - low
    place = (values - low) / width * _BUCKETS if width > 0 else np.full(values.size, _BUCKETS)
    counts = np.bincount(np.minimum(place.astype(int), _BUCKETS - 1), minlength=_BUCKETS)
    edges = np.linspace(low, high, _BUCKETS + 1)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _as_images(array: np.ndarray) -> np.ndarray:
    """Bytes of shape NxHxWxC."""
    images = {2: array[None, ..., None], 3: array[None], 4: array}.get(array.ndim)
    if images is None or images.shape[-1] not in _PNG_COLORS or 0 in images.shape:
        raise ShapeError(
            f"an image is HxW, HxWxC or NxHxWxC with 1 to 4 channels C, and this has shape {array.shape}: "
            "add or move the channel axis to the end"
        )
    if array.dtype.kind in "iu":
        return np.clip(images, 0, 255).astype(np.uint8)
    return np.round(np.clip(np.nan_to_num(images.astype(np.float64)), 0, 1) * 255).astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    """An image of shape HxWxC as a PNG file; every row is preceded by a zero, "no filter"."""
    height, width, channels = image.shape
    rows = np.pad(image.reshape(height, -1), ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLORS[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
