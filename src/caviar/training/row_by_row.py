"""Whether a partial batch may be padded to a full one (`padding.py`).

Rows of padding weigh nothing in losses and metrics, and batch normalization is told how many rows are real. That is exact where
nothing else looks at several rows at once, which can be known of caviar's own layers, losses and metrics only. Elsewhere the partial
batch is a step of its own shape.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar.graph.evaluation import Graph
from caviar.graph.node import Operation, nodes_in
from caviar.layers import EinsumDense, Lambda, TimeDistributed
from caviar.layers.base import Layer
from caviar.losses import Circle, Dice, FunctionLoss, Loss, Tversky
from caviar.metrics import Metric
from caviar.metrics.adopted import Adopted
from caviar.metrics.means import MeanOf
from caviar.parts import parts_of
from caviar.training.hooks import STANDARD, is_own

_OURS = ("caviar.layers.", "caviar.models.", "caviar.losses.", "caviar.metrics.")
_MIXING = (EinsumDense, Lambda, TimeDistributed, Circle, Dice, Tversky, FunctionLoss, Adopted, MeanOf)
"""Parts that combine several rows, change what a row is, or run the user's own code."""
_ELEMENTWISE = (jnp.add, jnp.subtract, jnp.multiply, jnp.true_divide)


def may_be_padded(recipe: Any) -> bool:
    """Whether a recipe gives the same for a padded batch as for the batch without padding."""
    if any(is_own(recipe.network, name) for name in STANDARD):
        return False
    nodes = [node for graph in parts_of(recipe, Graph) for node in graph.nodes if isinstance(node, Operation)]
    parts = [part for kind in (Layer, Loss, Metric) for part in parts_of(recipe, kind)]
    return all(map(_is_row_by_row, parts)) and all(map(_is_elementwise, nodes))


def _is_row_by_row(part: Any) -> bool:
    """Whether a part computes each row from that row alone, or takes the padding into account."""
    if not type(part).__module__.startswith(_OURS) or isinstance(part, _MIXING):
        return False
    given = vars(part)
    axes = [axis for name in ("axis", "axes", "attention_axes") for axis in jax.tree.leaves(given.get(name))]
    written = [
        v
        for v in given.values()
        if callable(v) and not str(getattr(v, "__module__", "")).startswith(("caviar.", "jax"))
    ]
    return not (0 in axes or written or given.get("stateful") or given.get("activity_regularizer") is not None)


def _is_elementwise(node: Operation) -> bool:
    """Whether a node is that of a layer, or combines values row by row."""
    ranks = {len(n.shape) for n in nodes_in((node.args, node.kwargs))}
    return isinstance(node.function, Layer) or (node.function in _ELEMENTWISE and len(ranks) == 1)
