"""Losses: caviar's values for each element or row, reduced as PyTorch reduces them."""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import xlogy

from caviar import losses
from caviar.dialects.torch.bounds import check_inside
from caviar.dialects.torch.functions import operation, record
from caviar.dialects.torch.nn.functional.distances import distance
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, ShapeError, unknown_name

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]

Array = jax.Array


def reduced(values: Array, reduction: str) -> Array:
    """The values, their mean or their sum."""
    match reduction:
        case "none":
            return values
        case "mean":
            return values.mean()
        case "sum":
            return values.sum()
    raise unknown_name("reduction", reduction, ("none", "mean", "sum"))


def _fitting(input: Array, target: Array, exactly: bool = False) -> None:
    """Raise for shapes that would be broadcast to unintended pairs, such as (n, 1) and (n,)."""
    if input.shape == target.shape:
        return
    grown = jnp.broadcast_shapes(input.shape, target.shape)
    if exactly or grown not in (input.shape, target.shape):
        raise ShapeError(
            f"input {input.shape} and target {target.shape} must have one shape: say target.reshape{input.shape}"
        )


# -- of elements ------------------------------------------------------------------------------------------------------


@partial(operation, operands=2)
def l1_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """|input - target|, reduced to its mean by default."""
    _fitting(input, target)
    return reduced(losses.MeanAbsoluteError().elements(target, input), reduction)


@partial(operation, operands=2)
def mse_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """(input - target)^2, reduced to its mean by default."""
    _fitting(input, target)
    return reduced(losses.MeanSquaredError().elements(target, input), reduction)


@partial(operation, operands=2)
def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0) -> Array:
    """d^2 / 2 where the difference d is at most `delta`, else `delta * (|d| - delta / 2)`."""
    _fitting(input, target)
    return reduced(losses.Huber(delta).elements(target, input), reduction)


@partial(operation, operands=2)
def smooth_l1_loss(input: Array, target: Array, reduction: str = "mean", beta: float = 1.0) -> Array:
    """d^2 / (2 beta) where the difference d is below `beta`, else |d| - beta / 2: Huber's loss divided by `beta`."""
    _fitting(input, target)
    return reduced(losses.SmoothL1(beta).elements(target, input), reduction)


def _logs(p: Array) -> tuple[Array, Array]:
    """log p and log(1 - p), at least -100 as in PyTorch."""
    return jnp.maximum(jnp.log(p), -100), jnp.maximum(jnp.log1p(-p), -100)


@jax.custom_jvp
def _surprise(p: Array, y: Array) -> Array:
    log_p, log_q = _logs(p)
    return -(y * log_p + (1 - y) * log_q)


@_surprise.defjvp
def _surprise_slope(at: Any, along: Any) -> tuple[Array, Array]:
    """The same, with PyTorch's gradient, which stays finite where p is 0 or 1."""
    (p, y), (dp, dy), (log_p, log_q) = at, along, _logs(at[0])
    return _surprise(p, y), dp * (p - y) / jnp.maximum(p * (1 - p), 1e-12) + dy * (log_q - log_p)


@partial(operation, operands=3)
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean") -> Array:
    """`-(y log p + (1 - y) log(1 - p))` of probabilities."""
    _fitting(input, target, exactly=True)
    values = _surprise(input, target.astype(input.dtype))
    return reduced(values if weight is None else values * weight, reduction)


@partial(operation, operands=4)
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, pos_weight: Array | None = None, reduction: str = "mean"
) -> Array:
    """The same of logits; `pos_weight` scales the part of the ones."""
    _fitting(input, target, exactly=True)
    loss = losses.BinaryCrossentropy(from_logits=True, class_weight=weight, pos_weight=pos_weight)
    return reduced(loss.elements(target, input), reduction)


@partial(operation, operands=2)
def kl_div(input: Array, target: Array, reduction: str = "mean", log_target: bool = False) -> Array:
    """`y (log y - input)` of log-probabilities; "batchmean" divides the sum by the number of rows, as the name promises."""
    _fitting(input, target)
    values = jnp.exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    return values.sum() / input.shape[0] if reduction == "batchmean" else reduced(values, reduction)


@partial(operation, operands=2)
def poisson_nll_loss(
    input: Array, target: Array, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Array:
    """The negative log-likelihood of counts, `exp(input) - target * input`; `full` adds Stirling's approximation of log(target!)."""
    _fitting(input, target)
    values = jnp.exp(input) - target * input if log_input else input - target * jnp.log(input + eps)
    if full:
        large = jnp.where(target > 1, target, 1)
        values += jnp.where(target > 1, large * jnp.log(large) - large + 0.5 * jnp.log(2 * math.pi * large), 0)
    return reduced(values, reduction)


@partial(operation, operands=3)
def gaussian_nll_loss(
    input: Array, target: Array, var: Array, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Array:
    """`(log(var) + (input - target)^2 / var) / 2`, the negative log-likelihood; `full` adds the constant log(2 pi) / 2."""
    var = var[..., None] if jnp.ndim(var) == input.ndim - 1 and var.shape == input.shape[:-1] else jnp.asarray(var)
    var = var + jax.lax.stop_gradient(jnp.maximum(var, eps) - var)
    values = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    return reduced(values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


@partial(operation, operands=2)
def hinge_embedding_loss(input: Array, target: Array, margin: float = 1.0, reduction: str = "mean") -> Array:
    """x for pairs that belong together (label 1), and `max(0, margin - x)` for those that do not (label -1); x is a distance."""
    apart, together = jnp.where(target == 1, 0, jax.nn.relu(margin - input)), jnp.where(target == -1, 0, input)
    return reduced(apart + together, reduction)


@partial(operation, operands=2)
def soft_margin_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """`log(1 + exp(-y x))` for labels -1 and 1."""
    _fitting(input, target)
    return reduced(jax.nn.softplus(-target * input), reduction)


# -- of classes -------------------------------------------------------------------------------------------------------


def _of_class(
    loss: Any, input: Array, target: Array, weight: Any, ignored: int, reduction: str, **options: Any
) -> Array:
    """A loss of class numbers; the mean is over the weights of the classes."""
    if input.ndim == 1:
        return _of_class(loss, input[None], target[None], weight, ignored, reduction, **options).reshape(())
    wanted = input.shape[:1] + input.shape[2:]
    if target.shape != wanted:
        hint = ": say target.squeeze(1)" if target.shape == (wanted[0], 1, *wanted[1:]) else ""
        raise ShapeError(f"labels of {input.shape} are class numbers of shape {wanted}, and not {target.shape}{hint}")
    known = (target == ignored) | ((target >= 0) & (target < input.shape[1]))
    lost = jnp.where(known, 0, jnp.nan).astype(input.dtype)  # the loss of a number that is no class is NaN
    mean = "mean_with_sample_weight" if reduction == "mean" else reduction
    if reduction == "mean":
        lost = jnp.where((target == ignored).all(), jnp.nan, lost).astype(input.dtype)  # the mean of nothing
    values = loss(axis=1, ignore_class=ignored, class_weight=weight, reduction=mean, **options)(target, input)
    return values + (lost if reduction == "none" else lost.sum())


def _of_known_classes(loss: Any) -> Any:
    """The loss, which tells of targets that are no class."""

    @functools.wraps(loss)
    def call(input: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(input, Tensor) and isinstance(target, Tensor) and not target.is_floating_point():
            options = dict(zip(("weight", "ignore_index"), args, strict=False)) | kwargs
            classes = input.shape[1 if input.ndim > 1 else 0]
            check_inside(target, classes, "class", ignored=options.get("ignore_index", -100))
        return loss(input, target, *args, **kwargs)

    return call


@_of_known_classes
@partial(operation, operands=3)
def nll_loss(
    input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Array:
    """Minus the input at the true class, for inputs that are log-probabilities."""
    return _of_class(losses.NegativeLogLikelihood, input, target, weight, ignore_index, reduction)


@_of_known_classes
@partial(operation, operands=3)
def cross_entropy(
    input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:  # fmt: skip
    """-log softmax of the true class; targets are class numbers, or a probability for each class."""
    options: dict[str, Any] = {"label_smoothing": label_smoothing, "from_logits": True}
    if not jnp.issubdtype(target.dtype, jnp.floating):
        loss = losses.SparseCategoricalCrossentropy
        return _of_class(loss, input, target, weight, ignore_index, reduction, **options)
    options |= {"axis": 1 if input.ndim > 1 else 0, "class_weight": weight, "reduction": reduction}
    return losses.CategoricalCrossentropy(**options)(target, input)


@partial(operation, operands=3)
def multilabel_soft_margin_loss(
    input: Array, target: Array, weight: Array | None = None, reduction: str = "mean"
) -> Array:
    """The mean over the classes of the binary crossentropy of logits."""
    _fitting(input, target)
    loss = losses.BinaryCrossentropy(from_logits=True, class_weight=weight)
    return reduced(loss.elements(target, input).mean(-1), reduction)


def _multi_margin(input: Array, target: Array, weight: Any, p: int, margin: float, reduction: str) -> Array:
    if input.ndim == 1:
        return _multi_margin(input[None], target[None], weight, p, margin, "sum")
    right = jnp.take_along_axis(input, target[:, None], 1)
    lacking = jax.nn.relu(margin - right + input) ** p
    lacking = lacking if weight is None else lacking * weight[target][:, None]
    true = jax.nn.one_hot(target, input.shape[1], dtype=bool)
    return reduced(jnp.where(true, 0, lacking).mean(1), reduction)


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """The sum over the wrong classes i of `max(0, margin - x[true] + x[i])^p`, divided by the number of classes."""
    if p not in (1, 2):
        raise ArgumentError(f"multi_margin_loss takes p=1 or p=2, and was given {p}")
    return record(_multi_margin, input, target, weight, p=p, margin=margin, reduction=reduction)


@partial(operation, operands=2)
def multilabel_margin_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """The sum over true classes t and others i of `max(0, 1 - x[t] + x[i])`, over the number of classes; targets end with -1."""
    listed = jnp.cumprod(target >= 0, -1).astype(bool)
    numbers, classes = jnp.where(listed, target, 0), input.shape[-1]
    true = (jax.nn.one_hot(numbers, classes, dtype=bool) & listed[..., None]).any(-2)
    right = jnp.take_along_axis(input, numbers, -1)
    lacking = jax.nn.relu(1 - right[..., :, None] + input[..., None, :])
    counts = listed[..., :, None] & ~true[..., None, :]
    return reduced(jnp.where(counts, lacking, 0).sum((-2, -1)) / classes, reduction)


# -- of several inputs ------------------------------------------------------------------------------------------------


@partial(operation, operands=3)
def margin_ranking_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """`max(0, -y (x1 - x2) + margin)`: x1 should be larger than x2 where y is 1, and smaller where y is -1."""
    return reduced(jnp.where((lacking := margin - target * (input1 - input2)) >= 0, lacking, 0), reduction)


@partial(operation, operands=3)
def cosine_embedding_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """1 - cos(x1, x2) for pairs that belong together (label 1), and `max(0, cos(x1, x2) - margin)` for others (label -1)."""
    squares = (jnp.square(input1).sum(-1) + 1e-12) * (jnp.square(input2).sum(-1) + 1e-12)
    cosine = (input1 * input2).sum(-1) / jnp.sqrt(squares)
    return reduced(jnp.where(target == 1, 1 - cosine, jax.nn.relu(cosine - margin)), reduction)


@partial(operation, operands=3)
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Array:  # fmt: skip
    """`max(0, |anchor - positive| - |anchor - negative| + margin)`, with p-norms as distances."""
    near, far = distance(anchor, positive, p, eps), distance(anchor, negative, p, eps)
    far = jnp.minimum(far, distance(positive, negative, p, eps)) if swap else far
    return reduced(jax.nn.relu(margin + near - far), reduction)


def _ctc(
    log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int, reduction: str, zero_infinity: bool
) -> Array:  # fmt: skip
    logits, labels = jnp.swapaxes(log_probs, 0, 1), targets.astype(int)
    steps, places = jnp.arange(logits.shape[1]), jnp.arange(labels.shape[1])
    padded = places >= target_lengths[:, None]
    values = optax.ctc_loss(
        logits,
        (steps >= input_lengths[:, None]).astype(logits.dtype),
        labels,
        padded.astype(logits.dtype),
        blank_id=blank,
    )
    # Between two equal labels there must be a blank.
    twice = ((labels[:, 1:] == labels[:, :-1]) & ~padded[:, 1:]).sum(1)
    values = jnp.where(input_lengths < target_lengths + twice, 0 if zero_infinity else jnp.inf, values)
    return (values / jnp.maximum(target_lengths, 1)).mean() if reduction == "mean" else reduced(values, reduction)


def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """Minus the log-probability of all alignments; log-probabilities (steps, n, classes), targets (n, length)."""
    if log_probs.ndim != 3 or targets.ndim != 2:
        raise ShapeError(
            f"ctc_loss takes log_probs (steps, n, classes) and padded targets (n, length), and was given "
            f"{tuple(log_probs.shape)} and {tuple(targets.shape)}"
        )
    lengths = [v if isinstance(v, Tensor) else jnp.asarray(v) for v in (input_lengths, target_lengths)]
    static: dict[str, Any] = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
    return record(_ctc, log_probs, targets, *lengths, **static)
