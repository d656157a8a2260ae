"""Operations on arrays and nodes alike: `caviar.ops.matmul`, `ops.mean`, `ops.relu`, ... under NumPy's and Keras' names.

Inside `call` of a layer, `jax.numpy` serves as well; on nodes of a functional model, use these.
"""

from __future__ import annotations

from typing import Any

from caviar.ops import image, linalg, nn, numpy
from caviar.ops.shown import shown
from caviar.ops.tables import algebra, arrays, calculus, control, extras, network, properties

TABLES = (extras.TABLE, arrays.TABLE, network.TABLE, algebra.TABLE, calculus.TABLE, control.TABLE)
_modules: dict[str, Any] = {"image": image, "linalg": linalg, "nn": nn, "numpy": numpy}
__getattr__, __dir__, __all__ = shown(*TABLES, asked={**properties.TABLE, **_modules})
