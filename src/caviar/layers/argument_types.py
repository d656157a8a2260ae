"""Types of layers' arguments, for annotations. A wrong function or name is reported by the `get` of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, SupportsFloat

import jax
import numpy as np

_CHECKED_BY_GET = "checked by get, and not as a declaration"

ActivationLike = Annotated[str | Callable[..., Any] | None, _CHECKED_BY_GET]
RegularizerLike = Annotated[str | Callable[..., Any] | None, _CHECKED_BY_GET]
ConstraintLike = Annotated[str | Callable[..., Any] | None, _CHECKED_BY_GET]
InitializerLike = Annotated[str | Callable[..., Any] | SupportsFloat | np.ndarray | jax.Array | None, _CHECKED_BY_GET]

Weight = Any
"""A `Variable` where users look at it, an array inside `call`."""
