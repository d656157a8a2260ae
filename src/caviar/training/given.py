"""Types of the arguments of compile, fit, evaluate and search, for annotations. Wrong values raise where they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import optax

from caviar.optimizers import Optimizer
from caviar.training.callbacks import Callback

OptimizerLike: TypeAlias = str | Optimizer | optax.GradientTransformation | dict[str, Any]

OneLoss = str | Callable[..., Any] | None
LossLike = OneLoss | Sequence[OneLoss] | Mapping[str, OneLoss]
LossWeights = float | Sequence[float] | Mapping[str, float] | None

SomeMetrics = str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None
MetricsLike = SomeMetrics | Sequence[SomeMetrics] | Mapping[str, SomeMetrics]

Callbacks = Annotated[Callback | Sequence[Callback] | None, "checked by CallbackList, and not as a declaration"]
