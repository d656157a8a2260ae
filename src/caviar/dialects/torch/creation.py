"""Making tensors from data, of given numbers, and of random ones. These are NumPy's, on the host, so they compile nothing."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar import config
from caviar.arguments import check
from caviar.declarations import Count
from caviar.dialects.torch.dtypes import default, get_default_dtype, held_as
from caviar.dialects.torch.tensor import Tensor, wrap
from caviar.errors import ArgumentError, DataError
from caviar.graph.context import current
from caviar.recording.memory import Memory
from caviar.recording.values import Value
from caviar.recording.widths import fits
from caviar.telling import tells


class _Chance:
    """The sources of random numbers: a generator for the host, and seeds for draws inside programs."""

    generator = np.random.default_rng()
    seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    draws = 0


def manual_seed(seed: int) -> None:
    """Make everything random that follows reproducible.

    >>> from caviar.dialects.torch import manual_seed
    >>> manual_seed(0)
    """
    config.seed_keys(int(seed))
    _Chance.generator = np.random.default_rng(int(seed) % 2**63)
    _Chance.seed, _Chance.draws = int(seed) % 2**31, 0


def initial_seed() -> int:
    """The seed given last."""
    return _Chance.seed


class Generator:
    """A source of random numbers of its own, for what takes `generator=`: always on the host.

    >>> from caviar.dialects.torch import Generator, randperm
    >>> bool(randperm(9, generator=Generator().manual_seed(1)).equal(randperm(9, generator=Generator().manual_seed(1))))
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Start again from this seed."""
        self._seed, self.chance = int(seed), np.random.default_rng(int(seed) % 2**63)
        return self

    def seed(self) -> int:
        """Start again from an unpredictable seed, which is returned."""
        return self.manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)).initial_seed()

    def initial_seed(self) -> int:
        """The seed given last."""
        return self._seed


def generator(given: Generator | None = None) -> np.random.Generator:
    """The generator for draws on the host, or the one in that which was given."""
    return _Chance.generator if given is None else given.chance


_host = generator  # where an argument has that name


def next_draw() -> tuple[int, int]:
    """The seed and number of a draw inside a program."""
    _Chance.draws += 1
    return _Chance.seed, _Chance.draws


def key_of(seed: jax.Array, draw: jax.Array) -> jax.Array:
    """The random key for a seed and the number of a draw, inside a program."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), draw)


def fresh(array: Any, requires_grad: bool = False) -> Tensor:
    """A new tensor of an array on the host."""
    return wrap(np.asarray(array)).requires_grad_(requires_grad)


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of a number, nested lists or an array, copied.

    >>> from caviar.dialects.torch import tensor
    >>> tensor([[1, 2], [3, 4]]).shape
    torch.Size([2, 2])
    """
    if isinstance(data, (Tensor, jax.Array)):
        made = Tensor.holding(data.held() if isinstance(data, Tensor) else Value(data))
        return (made if dtype is None else made.to(dtype)).requires_grad_(requires_grad)
    given = isinstance(data, (np.ndarray, np.generic))
    try:
        array = np.array(data if given else _without_tensors(data))
    except ValueError as error:
        raise DataError(f"nested lists of different lengths are no tensor: {error}") from error
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise DataError(f"tensor takes numbers, and was given {array.dtype.name}: {data!s:.60}")
    if dtype is not None:
        array = array.astype(held_as(dtype))
    elif array.dtype.kind == "f" and not given:
        array = array.astype(default())
    return fresh(_held(array), requires_grad)


def _without_tensors(data: Any) -> Any:
    """Tensors inside lists as numbers."""
    if isinstance(data, Tensor):
        return data.tolist()
    return [_without_tensors(d) for d in data] if isinstance(data, (list, tuple)) else data


def _held(array: np.ndarray) -> np.ndarray:
    """64-bit numbers in the width that the library computes with, unless they are whole and do not fit."""
    if array.dtype == np.int64 and not fits(array):
        return array
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype))


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of any data; a tensor is returned as it is, and a small array shared as `from_numpy` does."""
    if isinstance(data, np.ndarray) and dtype is None and data.dtype.kind in "biuf":
        return from_numpy(data)
    return (data if dtype is None else data.to(dtype)) if isinstance(data, Tensor) else tensor(data, dtype)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor of an array, which share their memory: writing into one changes the other, up to 16,384 elements."""
    if not isinstance(ndarray, np.ndarray):
        raise ArgumentError(f"from_numpy takes a NumPy array, and was given {type(ndarray).__name__}")
    made = tensor(ndarray)
    return Tensor.alias(Memory(ndarray, _held)) if Memory.can_share(ndarray) else made


def _size(size: tuple[Any, ...]) -> tuple[int, ...]:
    given = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    return tuple(int(n) for n in given)


def _type(dtype: Any) -> np.dtype:
    return default() if dtype is None else held_as(dtype)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of this shape filled with 0."""
    return fresh(np.zeros(_size(size), _type(dtype)), requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of this shape filled with 1."""
    return fresh(np.ones(_size(size), _type(dtype)), requires_grad)


empty = zeros


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of this shape filled with one number."""
    kind = held_as(dtype) if dtype is not None else tensor(fill_value).held().spec.dtype
    return fresh(np.full(_size((size,)), fill_value, kind), requires_grad)


def zeros_like(input: Tensor, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the input's shape and type filled with 0."""
    return full_like(input, 0, dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the input's shape and type filled with 1."""
    return full_like(input, 1, dtype, requires_grad=requires_grad)


empty_like = zeros_like


def full_like(
    input: Tensor, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of the input's shape and type filled with one number."""
    kind = input.held().spec.dtype if dtype is None else held_as(dtype)
    return fresh(np.full(input.shape, float(fill_value) if kind.kind == "f" else fill_value, kind), requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Numbers from start to end, end excluded."""
    start, end = (0, start) if end is None else (start, end)
    if step == 0 or (end - start) / step < 0:
        raise ArgumentError(f"no numbers lead from {start} to {end} in steps of {step}")
    whole = all(isinstance(n, (int, np.integer)) for n in (start, end, step))
    made = np.arange(start, end, step, dtype=np.int64 if whole else np.float64)
    return fresh(_held(made.astype(held_as(dtype) if dtype is not None else made.dtype if whole else default())))


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None) -> Tensor:
    """`steps` evenly spaced numbers from start to end, both included."""
    return fresh(np.linspace(start, end, steps).astype(_type(dtype)))


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A matrix with 1 on the diagonal, and 0 elsewhere."""
    return fresh(np.eye(n, m, dtype=_type(dtype)))


def drawn(kind: str, size: Any, dtype: Any, *numbers: float, source: Any = None) -> Tensor:
    """Random numbers: on the host, or inside an evaluation from its key."""
    held, context = _type(dtype), current()
    if source is None and context is not None and context.rng is not None:
        key, (a, b) = jax.random.fold_in(context.rng, 2**20 + next_draw()[1]), numbers
        draw = jax.random.uniform(key, size, held) * (b - a) + a if kind == "uniform" else None
        return Tensor.holding(Value(draw if draw is not None else jax.random.normal(key, size, held) * b + a))
    return fresh(getattr(generator(source), kind)(*numbers, size=tuple(size)).astype(held))


def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers, uniformly distributed in [0, 1)."""
    return drawn("uniform", _size(size), dtype, 0, 1, source=generator).requires_grad_(requires_grad)


def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers from the standard normal distribution."""
    return drawn("normal", _size(size), dtype, 0, 1, source=generator).requires_grad_(requires_grad)


def rand_like(input: Tensor, dtype: Any = None) -> Tensor:
    """Random numbers, uniformly distributed in [0, 1), in the input's shape and type."""
    return rand(*input.shape, dtype=dtype or input.dtype)


def randn_like(input: Tensor, dtype: Any = None) -> Tensor:
    """Random numbers from the standard normal distribution, in the input's shape and type."""
    return randn(*input.shape, dtype=dtype or input.dtype)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None) -> Tensor:
    """Random numbers from normal distributions; mean and standard deviation are numbers or tensors."""
    if size is None:
        size = next((v.shape for v in (mean, std) if isinstance(v, Tensor)), None)
    if size is None:
        raise ArgumentError("normal of two numbers has no shape: give size=")
    return randn(*size, generator=generator) * std + mean


def randint(
    low: int, high: Any = None, size: Any = None, *, generator: Any = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Random integers from low to high, high excluded."""
    if size is None:
        low, high, size = 0, low, high
    return fresh(_held(_host(generator).integers(low, high, tuple(size))).astype(held_as(dtype or np.int64)))


def randperm(n: Count, *, generator: Any = None, device: Any = None) -> Tensor:
    """The integers below n in random order."""
    check(randperm, {"n": n})
    return fresh(_held(_host(generator).permutation(n)))


def bernoulli(input: Tensor) -> Tensor:
    """1 with these probabilities, else 0."""
    return (rand_like(input) < input).to(input.dtype)


def new(cls: type[Tensor], *data: Any) -> Tensor:
    """`torch.Tensor(list)` or `torch.Tensor(2, 3)`, in the default type."""
    if not data or isinstance(data[0], int):
        return zeros(*data)
    return tensor(data[0], dtype=None if isinstance(data[0], Tensor) else get_default_dtype())


CREATORS = {f.__name__: tells(f) for f in (
    tensor, as_tensor, from_numpy, zeros, ones, full, zeros_like, ones_like, full_like, arange, linspace, eye, rand, randn,
    rand_like, randn_like, normal, randint, randperm, bernoulli, manual_seed, initial_seed, Generator,
)} | {"empty": tells(empty), "empty_like": tells(empty_like)}  # fmt: skip
