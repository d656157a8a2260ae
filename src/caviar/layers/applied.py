"""Where a layer stands in a graph: the nodes that it was last applied to, and those that it gave."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from caviar.graph.node import nodes_in, replace_nodes


class FromGraph:
    """An attribute that a graph tells of a layer, such as `layer.output`; one that a user assigns hides it."""

    def __init__(self, tell: Callable[[Any], Any]):
        self.tell, self.__doc__ = tell, tell.__doc__

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        return self if layer is None else self.tell(layer)


# Graphs hold layers; layers know their nodes by weak references, so that neither keeps the other for ever.
_places: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()
_owners: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def remember(layer: Any, given: Any, made: Any) -> Any:
    """Note what a layer was applied to, and what it gave."""
    if type(layer).__hash__ is not None:  # a user's own dataclass may have none
        _places[layer] = replace_nodes(given, weakref.ref), replace_nodes(made, weakref.ref)
    return made


def belongs(layer: Any, model: Any) -> None:
    """Let a layer ask a model for its nodes: the model applies it, where somebody wants to know."""
    if type(layer).__hash__ is not None:
        _owners[layer] = weakref.ref(model)


def place_of(layer: Any) -> tuple[Any, Any]:
    """The nodes before and behind a layer."""
    try:
        owner = _owners.get(layer, lambda: None)()
        if layer not in _places and owner is not None:
            owner.write_nodes()
        given, made = _places[layer]
    except (KeyError, TypeError):
        raise AttributeError(f"layer {layer.name!r} has no input or output: it was applied to no node yet") from None
    return _alive(given), _alive(made)


def _alive(tree: Any) -> Any:
    if isinstance(tree, weakref.ref):
        node = tree()
        if node is None:
            raise AttributeError("the graph in which the layer stood is gone: keep its model, or its output")
        return node
    if isinstance(tree, dict):
        return {key: _alive(value) for key, value in tree.items()}
    return type(tree)(map(_alive, tree)) if isinstance(tree, (list, tuple)) else tree


def one_or_several(nodes: Any) -> Any:
    """A node alone as itself."""
    found = nodes_in(nodes)
    return found[0] if len(found) == 1 else nodes
