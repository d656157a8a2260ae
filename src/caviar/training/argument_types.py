"""Types of the arguments of compile, fit, evaluate and search, for annotations. Wrong values raise where they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeAlias

import optax

from caviar.optimizers import Optimizer
from caviar.training.callbacks import Callback


class Indexed(Protocol):
    """Batches by their number, as PyTorch's data sets have them."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


_TOLD_BY_DATA = "told by caviar.data, and not as a declaration"
Data = Annotated[Iterable[Any] | Indexed | None, _TOLD_BY_DATA]
"""An array, table, list or dict of them, or a stream of batches."""
RowWeights = Annotated[Iterable[Any] | None, _TOLD_BY_DATA]

OptimizerLike: TypeAlias = str | Optimizer | optax.GradientTransformation | dict[str, Any]

OneLoss = str | Callable[..., Any] | None
LossLike = OneLoss | Sequence[OneLoss] | Mapping[str, OneLoss]
LossWeights = float | Sequence[float] | Mapping[str, float] | None

SomeMetrics = str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None
MetricsLike = SomeMetrics | Sequence[SomeMetrics] | Mapping[str, SomeMetrics]

Callbacks = Annotated[Callback | Sequence[Callback] | None, "checked by CallbackList, and not as a declaration"]
