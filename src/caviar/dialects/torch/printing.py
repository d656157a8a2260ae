"""How tensors are printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.dialects.torch.dtypes import get_default_dtype


def text(tensor: Any) -> str:
    """As PyTorch prints it, as far as NumPy's printing allows.

    >>> import caviar.dialects.torch as torch
    >>> torch.tensor([[1.0, 2.5]]), torch.arange(3), torch.tensor(True)
    (tensor([[1.0000, 2.5000]]), tensor([0, 1, 2]), tensor(True))
    """
    array = np.asarray(tensor.detach().array())
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    body = np.array2string(array, separator=", ", prefix="tensor(", threshold=1000, formatter={"all": _form(array)})
    kind = tensor.dtype
    usual = kind is get_default_dtype() or kind.name in ("int64", "bool")
    suffix = ("" if usual else f", dtype={kind}") + (
        "" if array.size or array.ndim < 2 else f", size={tuple(array.shape)}"
    )
    if tensor.grad_fn is not None:
        suffix += f", grad_fn={tensor.grad_fn}"
    elif tensor.requires_grad:
        suffix += ", requires_grad=True"
    return f"tensor({body}{suffix})"


def _form(array: Any) -> Any:
    """Four decimals, none if all are whole, powers of ten if they differ much."""
    if array.dtype.kind != "f":
        wide = max((len(str(v)) for v in array.ravel()[:1000]), default=0)
        return lambda v: str(v).rjust(wide)
    finite = np.abs(array[np.isfinite(array) & (array != 0)])
    if not finite.size or (np.all(finite == np.round(finite)) and finite.max() < 1e8):
        spell = lambda v: f"{v:.0f}." if np.isfinite(v) else str(v)  # noqa: E731
    elif finite.max() / finite.min() > 1000 or finite.max() > 1e8 or finite.min() < 1e-4:
        spell = "{:.4e}".format
    else:
        spell = "{:.4f}".format
    width = max((len(spell(v)) for v in array.ravel()[:1000]), default=0)
    return lambda v: spell(v).rjust(width)
