"""A model as a picture: a box for each layer, and lines from each to those that it feeds."""

from __future__ import annotations

from typing import Any, NamedTuple

from caviar.arguments import check
from caviar.errors import ArgumentError, missing_extra
from caviar.files import as_path, written_whole
from caviar.graph.node import Input, Node, Operation, nodes_in
from caviar.models import Model
from caviar.parts import Part

__all__ = ["model_to_dot", "plot_model"]


class DrawnLayer(NamedTuple):
    """What is drawn of a layer: its words, and the boxes that feed it."""

    words: str
    before: tuple[int, ...]


def boxes_of(model: Model, show_shapes: bool, show_dtype: bool, show_layer_names: bool) -> list[DrawnLayer]:
    """The boxes of a model in the order of computation."""
    if not isinstance(model, Model):
        raise ArgumentError(f"a model is drawn, and {model!r} was given")
    graph = model._graph
    if graph is None:
        shapes = [getattr(layer, "output_shape", None) if show_shapes else None for layer in model.layers]
        pairs = zip(model.layers, shapes, strict=True)
        return [
            DrawnLayer(_words(layer, shape, None, show_layer_names), (i - 1,) if i else ())
            for i, (layer, shape) in enumerate(pairs)
        ]
    places: dict[int, int] = {}
    boxes: list[DrawnLayer] = []
    for node in graph.nodes:
        if not isinstance(node, (Input, Operation)):
            continue
        before = nodes_in((node.args, node.kwargs)) if isinstance(node, Operation) else []
        came = tuple(dict.fromkeys(places[id(n)] for n in before if id(n) in places))
        if isinstance(node, Operation) and getattr(node.function, "__name__", "") == "getitem":
            places[id(node)] = came[0]
            continue
        places[id(node)] = len(boxes)
        about = node.function if isinstance(node, Operation) else node
        shape, dtype = node.shape if show_shapes else None, node.dtype if show_dtype else None
        boxes.append(DrawnLayer(_words(about, shape, dtype, show_layer_names), came))
    return boxes


def _words(about: Any, shape: Any, dtype: Any, named: bool) -> str:
    kind = type(about).__name__ if isinstance(about, (Part, Node)) else getattr(about, "__name__", "operation")
    name = getattr(about, "name", None)
    lines = [f"{name} ({kind})" if named and name else kind]
    lines += [str(shape)] if shape is not None else []
    return "\n".join([*lines, str(dtype)] if dtype else lines)


def _levels(boxes: list[DrawnLayer]) -> list[list[int]]:
    """The boxes row by row, each below all that feed it."""
    depth: list[int] = []
    for box in boxes:
        depth.append(1 + max((depth[i] for i in box.before), default=-1))
    return [[i for i, d in enumerate(depth) if d == row] for row in range(max(depth, default=-1) + 1)]


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> None:
    """Draw a model into a file, from top to bottom.

    >>> import tempfile
    >>> from caviar import layers, models, utils
    >>> model = models.Sequential([layers.Dense(2, input_dim=3), layers.Dense(1)])
    >>> utils.plot_model(model, tempfile.mkdtemp() + "/model.png", show_shapes=True)
    """
    check(plot_model, {k: v for k, v in locals().items() if k != "kwargs"})
    figure = _drawn(boxes_of(model, show_shapes, show_dtype, show_layer_names))
    path = as_path(to_file)
    kind = path.suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise ArgumentError(f"{path.name!r} does not end as a picture does: call it .png, .svg or .pdf")
    with written_whole(path) as file:
        figure.savefig(file, format=kind, dpi=dpi)


def _drawn(boxes: list[DrawnLayer]) -> Any:
    """A figure of the boxes, each level of them in a row, with an arrow to each box from those before it."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "plots", "drawing a model") from error
    levels = _levels(boxes)
    width = max((len(line) for box in boxes for line in box.words.split("\n")), default=1) * 0.1 + 0.4
    across, down = width * max(map(len, levels), default=1) + 0.4, max(len(levels), 1) * 1.1 + 0.2  # in inches
    figure = Figure(figsize=(across, down))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, across), ylim=(0, down))
    axes.axis("off")
    at = {
        i: (across / 2 + (j - (len(row) - 1) / 2) * width, down - 0.65 - 1.1 * r)
        for r, row in enumerate(levels)
        for j, i in enumerate(row)
    }
    _put(axes, boxes, at)
    return figure


def _put(axes: Any, boxes: list[DrawnLayer], at: dict[int, tuple[float, float]]) -> None:
    """Put every box at its place, and the arrows between them."""
    frame = {"boxstyle": "square,pad=0.35", "facecolor": "white", "edgecolor": "black"}
    texts = {
        i: axes.text(*at[i], box.words, ha="center", va="center", fontsize=9, bbox=frame, zorder=3)
        for i, box in enumerate(boxes)
    }
    for i, box in enumerate(boxes):
        for j in box.before:
            arrow = {"arrowstyle": "->", "patchA": texts[j].get_bbox_patch(), "patchB": texts[i].get_bbox_patch()}
            axes.annotate("", at[i], at[j], zorder=1, arrowprops={**arrow, "shrinkA": 2, "shrinkB": 2})


def model_to_dot(
    model: Any, show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = True, **kwargs: Any
) -> str:
    """The picture of a model in Graphviz' words, as text.

    >>> from caviar import layers, models, utils
    >>> model = models.Sequential([layers.Dense(2, input_dim=3, name="a"), layers.Dense(1, name="b")])
    >>> print(utils.model_to_dot(model))
    digraph {
      0 [shape=box label="a (Dense)"]
      1 [shape=box label="b (Dense)"]
      0 -> 1
    }
    """
    boxes = boxes_of(model, show_shapes, show_dtype, show_layer_names)
    lines = [f'  {i} [shape=box label="{box.words}"]'.replace("\n", "\\n") for i, box in enumerate(boxes)]
    lines += [f"  {j} -> {i}" for i, box in enumerate(boxes) for j in box.before]
    return "\n".join(["digraph {", *lines, "}"])
