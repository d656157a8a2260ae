"""`torch.nn.utils`: clipping gradients, and parameters as one vector. Nothing here looks at a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch.creation import tensor
from caviar.dialects.torch.functions import record
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.shapes import cat, reshape
from caviar.dialects.torch.tensor import Tensor
from caviar.telling import all_tell


def _clipped(limit: Any, *gradients: jax.Array, norm_type: float) -> tuple[jax.Array, ...]:
    """The total norm, then the gradients shortened so that it is at most the limit."""
    norms = jnp.stack([jnp.linalg.norm(g.reshape(-1), norm_type) for g in gradients])
    total = jnp.linalg.norm(norms, norm_type)
    return total, *(g * jnp.minimum(limit / (total + 1e-6), 1).astype(g.dtype) for g in gradients)


def _gradients(parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p._grad for p in given if p._grad is not None]


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor so that their total norm is at most `max_norm`; returns their norm before."""
    gradients, limit = _gradients(parameters), float(max_norm)
    if not gradients:
        return tensor(0.0)
    total, *clipped = record(_clipped, limit, *(g.detach() for g in gradients), norm_type=float(norm_type))
    for gradient, new in zip(gradients, clipped, strict=True):
        gradient.hold(new.held())
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Clip every element of the gradients to [-`clip_value`, `clip_value`]."""
    limit = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.hold(gradient.detach().clamp(-limit, limit).held())


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters as one vector."""
    return cat([reshape(p, -1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set all parameters from one vector."""
    at = 0
    for p in parameters:
        p.data = reshape(vec[at : at + p.numel()], *p.shape)
        at += p.numel()


__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"]
__dir__ = __all__.copy
globals().update(all_tell(globals(), __all__))
__getattr__ = missing("nn.utils", __all__)
