"""From what `compile` was given to a recipe: which loss and which metrics belong to which output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from caviar import losses, metrics
from caviar.declarations import Number, fits
from caviar.errors import ArgumentError, unknown_name
from caviar.losses.base import Loss
from caviar.metrics.adopted import adopted
from caviar.ranges import Range


def check_compiled(loss: Any, weights: Any, asked: Any) -> None:
    """Raise for losses, weights and metrics that are wrong whatever the model's outputs will be."""
    for given in _flat(loss):
        losses.get(given)
    for given in _flat(asked):
        metrics.get(given, output_shape=(None, 1))
    for given in _flat(weights):
        if not fits(Number(), given):
            raise ArgumentError(f"loss_weights are numbers, one for each output, and one of them is {given!r}")


def _flat(given: Any) -> Iterator[Any]:
    """What stands in lists and dicts, without None and the ranges that a search closes."""
    if isinstance(given, (list, tuple, dict)):
        for item in given.values() if isinstance(given, dict) else given:
            yield from _flat(item)
    elif given is not None and not isinstance(given, Range):
        yield given


def resolve_losses(loss: Any, names: list[str]) -> list[Loss | None]:
    """The loss of each output: one for all, or a list or dict of them."""
    return [None if given is None else losses.get(given) for given in _for_each(loss, names, "loss")]


def resolve_weights(weights: Any, names: list[str]) -> list[float]:
    """The factor on each output's loss; 1 where none is given."""
    return [
        1.0 if w is None else w if isinstance(w, float) else float(w) for w in _for_each(weights, names, "loss_weights")
    ]


def resolve_metrics(
    given: Any, weighted: Any, names: list[str], outputs: list[Any], resolved: list[Loss | None]
) -> list[tuple[str, int, bool, Any]]:
    """Every metric with its name in the logs, its output, and whether sample weights count."""
    found: list[tuple[str, int, bool, Any]] = []
    for asked, counts in ((given, False), (weighted, True)):
        for at, (name, own) in enumerate(zip(names, _metrics_of_each(asked, names), strict=True)):
            for identifier in (m for m in own if m is not None):
                metric: Any = metrics.get(identifier, loss=resolved[at], output_shape=outputs[at].shape)
                key = f"{name}_{metric.name}" if len(names) > 1 else metric.name
                found.append((_unused(key, [f[0] for f in found]), at, counts, adopted(metric)))
    return found


def _metrics_of_each(asked: Any, names: list[str]) -> list[list[Any]]:
    if isinstance(asked, (list, tuple)) and (len(names) == 1 or not any(isinstance(m, (list, tuple)) for m in asked)):
        inner = asked[0] if len(asked) == 1 and isinstance(asked[0], (list, tuple)) else asked
        if len(names) > 1 and len(asked) == len(names):
            return [[m] if m is not None else [] for m in asked]
        return [list(inner) for _ in names]
    return [
        [] if m is None else list(m) if isinstance(m, (list, tuple)) else [m]
        for m in _for_each(asked, names, "metrics")
    ]


def _for_each(given: Any, names: list[str], what: str) -> list[Any]:
    """One value for each output."""
    if isinstance(given, dict):
        unknown = [key for key in given if key not in names]
        if unknown:
            raise unknown_name(f"output in {what}", unknown[0], names)
        return [given.get(name) for name in names]
    if isinstance(given, Sequence) and not isinstance(given, str):
        if len(given) != len(names):
            raise ArgumentError(
                f"{what} has {len(given)} entries, and the model has {len(names)} outputs: {', '.join(names)}"
            )
        return list(given)
    return [given] * len(names)


def _unused(name: str, taken: list[str]) -> str:
    numbered = (name if n == 0 else f"{name}_{n}" for n in range(len(taken) + 1))
    return next(n for n in numbered if n not in taken)
