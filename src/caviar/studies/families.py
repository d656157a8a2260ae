"""Families: members that differ only in sizes and choices of functions; and the planning of frames for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from caviar.errors import FrameError
from caviar.layers.base import Layer
from caviar.parts import parts_of
from caviar.studies.blocks import Seat
from caviar.studies.frames import Frame, ends, is_functions
from caviar.studies.task import Task
from caviar.training.recipe import Recipe

PROGRAM_SECONDS, LAYER_SECONDS = 2.6, 0.1
"""What a program costs to compile, and each of its layers with weights, in seconds of one processor."""
MULTIPLICATIONS, VALUES = 8e9, 1e9
"""How many products of a layer's weights a training does in a second of one processor: forward, backward and update; and values of
functions that are computed side by side.

Measured by `python -m benchmarks.prices`, on 2026-11-22, on two busy cores of an AMD EPYC: 1, 2, 4 dense layers of 32
compile in 2.8, 2.9, 3.1 s, two convolutions in 3.7 s, an LSTM in 4.8 to 6.1 s. 1e9 products take 0.12 s in dense layers of 64, 0.08
of 128, 0.14 of 256, 0.18 of 512; 0.14 to 0.19 in convolutions of 16 and 32 filters; 0.12 in an LSTM of 64. They are the same on every
machine and at every time, so that all machines plan alike.
"""

FRAMES_AT_MOST = 16
"""Of one family, unless somebody wants more: none is without members then, and each compiles."""

Box = tuple[tuple[int, int], ...]
"""The least and the largest of each size that a frame serves; the frame is as large as the largest."""


class Pricing(NamedTuple):
    """What planning depends on: how many members a search will have, and how many rows each trains on at most."""

    members: int | None  # None: as many as can be trained in time
    rows: int
    most: int | None = None  # the most frames of a family; None: as many as save more than they cost to compile
    seconds: float = math.inf  # that the search may take

    def share(self, sample: int) -> float:
        """How many times as many members there will be as in a sample."""
        return math.inf if self.members is None else max(1.0, self.members / max(1, sample))


def seconds_to_compile(recipe: Recipe) -> float:
    """About how long it takes to compile the program of a group."""
    return PROGRAM_SECONDS + LAYER_SECONDS * sum(bool(layer.weights) for layer in parts_of(recipe.network, Layer))


class Family:
    """Members that differ in `sizes`, each between a least and a largest, in `choices`, and in numbers."""

    def __init__(self, task: Task, key: Any, values: Mapping[str, Any], names: Sequence[str]):
        self.task, self.key, self.values, self.names = task, key, dict(values), list(names)
        self._ranges = {h.name: h.range for h in task.space.found}
        self._batch_name = task.space.batch_name or ""
        self.sizes = {name: found for name in names if (found := ends(self._ranges[name]))}
        self.choices: dict[str, Any] = {n: self._ranges[n] for n in names if n not in self.sizes}
        self.boxes: dict[str, list[Box]] = {}
        self._frames: dict[Any, Frame | None] = {}
        self._tried: dict[Any, Frame | None] = {}
        if names:
            self._keep_what_can_be_shared()

    def _keep_what_can_be_shared(self) -> None:
        """Share all sizes and choices if that is possible, else those that can be shared one by one, else none."""
        if self._can_share(self.names):
            return
        alone = [name for name in self.names if self._can_share([name])]
        self._keep(alone if self._can_share(alone) else [])

    def _keep(self, names: Sequence[str]) -> None:
        self.sizes = {name: v for name, v in self.sizes.items() if name in names}
        self.choices = {name: v for name, v in self.choices.items() if name in names}

    def _can_share(self, names: Sequence[str]) -> bool:
        sizes = {n: v for n, v in self.sizes.items() if n in names}
        choices = {n: v for n, v in self.choices.items() if n in names}
        return bool(names) and self._made(self.values, sizes, choices) is not None

    def _made(self, values: Mapping[str, Any], sizes: Mapping[str, tuple[int, int]], choices: Any) -> Frame | None:
        largest = {name: high for name, (_, high) in sizes.items()}
        smallest = {name: ends(self._ranges[name])[0] for name in sizes}  # type: ignore[index]
        fixed = [self._batch_name not in sizes and values.get(self._batch_name)]
        key = self.apart(values), repr(fixed), tuple(largest.items()), tuple(choices)
        if key not in self._tried:
            try:
                self._tried[key] = Frame(self.task, {**self.values, **values}, largest, smallest, choices)
            except Exception:  # what cannot be built at these sizes, by a layer of the user's, is no frame
                self._tried[key] = None
        return self._tried[key]

    # -- planning -------------------------------------------------------------------------------------------------

    def apart(self, values: Mapping[str, Any]) -> str:
        """The values in which members must agree to be of one family: those that cannot be shared."""
        kept = [n for n in self.names if n not in self.sizes and n not in self.choices]
        return repr([(n, self._place(n, values[n])) for n in kept])

    def _place(self, name: str, value: Any) -> Any:
        return self._ranges[name]._place(value) if name in self.choices or not ends(self._ranges[name]) else value  # type: ignore[attr-defined]

    def plan(self, members: Sequence[Mapping[str, Any]], pricing: Pricing, sample: int) -> None:
        """Decide on the frames for these members, who are among so many of a sample."""
        by_kind: dict[str, list[Mapping[str, Any]]] = {}
        for values in members:
            by_kind.setdefault(self.apart(values), []).append(values)
        for kind, here in by_kind.items():
            if kind not in self.boxes and (self.sizes or self.choices):
                self.boxes[kind] = self._boxes(here, pricing, sample)

    def _boxes(self, members: Sequence[Mapping[str, Any]], pricing: Pricing, sample: int) -> list[Box]:
        whole: Box = tuple(self.sizes.values())
        frame = self._made(members[0], self.sizes, self.choices)
        if frame is None:
            return [whole]  # which is tried once more for each member
        known: dict[tuple[int, ...], float] = {}

        def seconds(sizes: tuple[int, ...]) -> float:
            """Of training in arrays of these sizes, a batch of which has one row of every member's."""
            if sizes not in known:
                values = {**members[0], **dict(zip(self.sizes, sizes, strict=True))}
                member = frame.place(values)
                each = member.work / MULTIPLICATIONS + member.elements / VALUES
                known[sizes] = pricing.rows * each * batch_of(values)
            return known[sizes]

        def batch_of(values: Mapping[str, Any]) -> int:
            return frame.batch_of(values) if frame.batch_name in values else 1

        points = [tuple(values[name] for name in self.sizes) for values in members]
        batches = [1 / batch_of(values) for values in members]
        alone = sum(seconds(point) * batches for point, batches in zip(points, batches, strict=True))
        in_time = pricing.seconds * len(members) / sample / max(alone, 1e-9)
        price = seconds_to_compile(frame.recipe) / min(pricing.share(sample), in_time)
        return divided(whole, points, seconds, price, pricing.most, batches)

    # -- frames ---------------------------------------------------------------------------------------------------

    def frame_of(self, values: Mapping[str, Any]) -> tuple[Any, Frame | None]:
        """The frame of a member, and its key; None if the member needs a program of its own."""
        kind = self.apart(values)
        point = tuple(values[name] for name in self.sizes)
        box = next((b for b in self.boxes.get(kind, []) if _holds(b, point)), None)
        if box is None:
            return None, None
        if (kind, box) not in self._frames:
            sizes = dict(zip(self.sizes, box, strict=True))
            least, most = sizes.get(self._batch_name, (0, 1))
            if least == most:  # all batches are equal: it is no number of a member's own
                del sizes[self._batch_name]
            self._frames[kind, box] = self._made({**self.values, **values}, sizes, self.choices)
        frame = self._frames[kind, box]
        try:
            if frame is not None:
                frame.own(values)
        except FrameError:  # this member alone does not fit, for instance into a Reshape
            return None, None
        return (self.key, kind, box), frame

    @property
    def told(self) -> str:
        """The frames in words."""
        made = [frame for frame in self._frames.values() if frame is not None]
        return "; ".join(", ".join(f"{n} {s}" for n, s in {**frame.sizes}.items()) or "one" for frame in made)


def _holds(box: Box, point: Sequence[int]) -> bool:
    return all(low <= n <= high for (low, high), n in zip(box, point, strict=True))


def divided(
    whole: Box,
    points: Sequence[Any],
    seconds: Any,
    price: float,
    most: int | None = None,
    often: Sequence[float] | None = None,
) -> list[Box]:
    """Boxes that together make up the whole, which is cut wherever smaller arrays save more than another program costs.

    `often` says how often each point spends these seconds.

    >>> from caviar.studies.families import divided
    >>> divided(((1, 100),), [(10,), (100,)], lambda sizes: sizes[0], price=50)
    [((1, 10),), ((11, 100),)]
    >>> divided(((1, 100),), [(10,), (100,)], lambda sizes: sizes[0], price=100)
    [((1, 100),)]
    """
    boxes = [whole]
    while len(boxes) < (FRAMES_AT_MOST if most is None else most):
        cuts = [cut for box in boxes for cut in _cuts(box, points, seconds, often or [1.0] * len(points))]
        gain, box, axis, at = max(cuts, default=(-math.inf, whole, 0, 0))
        if gain <= (price if most is None else 0):
            break
        low, high = box[axis]
        parts = [(*box[:axis], part, *box[axis + 1 :]) for part in ((low, at), (at + 1, high))]
        boxes = [b for b in boxes if b != box] + parts
    return sorted(boxes)


def _cuts(
    box: Box, points: Sequence[Any], seconds: Any, often: Sequence[float]
) -> Iterable[tuple[float, Box, int, int]]:
    """What cuts of a box would save: a few along each axis, at the sizes of members."""
    here = [pair for pair in zip(points, often, strict=True) if _holds(box, pair[0])]
    top = tuple(high for _, high in box)
    for axis, (_, high) in enumerate(box):
        values = sorted({point[axis] for point, _ in here} - {high})
        for at in sorted({values[round(i * (len(values) - 1) / 8)] for i in range(9)}) if values else []:
            saved = seconds(top) - seconds((*top[:axis], at, *top[axis + 1 :]))
            yield saved * sum(times for point, times in here if point[axis] <= at), box, axis, at


class Families:
    """All families of a search, and the frames that were decided on before."""

    def __init__(self, task: Task, pricing: Pricing, decided: Mapping[str, Any] | None = None):
        self.task, self.pricing = task, pricing
        self._ranges = {h.name: h.range for h in task.space.found}
        self._decided = dict(decided or {})
        self._families: dict[Any, Family] = {}

    def shared(self, values: Mapping[str, Any]) -> list[str]:
        """The hyperparameters in which members of one frame may differ, if all goes well."""
        if self.pricing.most == 0:
            return []
        return [n for n in values if ends(self._ranges[n]) or is_functions(self._ranges[n])]

    def of(self, seat: Seat, key: Any) -> Family:
        """The family of a member."""
        if key not in self._families:
            made = Family(self.task, key, self.task.space.at(seat.units), self.shared(seat.values))
            found = self._decided.get(repr(key), {})
            made.boxes = {k: [tuple(tuple(e) for e in box) for box in boxes] for k, boxes in found.items()}
            self._families[key] = made
        return self._families[key]

    def plan(self, seats: Sequence[tuple[Seat, Family]]) -> None:
        """Decide on the frames of families that are new."""
        members: dict[int, tuple[Family, list[Mapping[str, Any]]]] = {}
        for seat, family in seats:
            members.setdefault(id(family), (family, []))[1].append(seat.values)
        for family, values in members.values():
            family.plan(values, self.pricing, len(seats))

    @property
    def decided(self) -> dict[str, Any]:
        """The frames, for the study's file, so that a resumed search uses the same."""
        return self._decided | {repr(key): family.boxes for key, family in self._families.items() if family.boxes}

    @property
    def told(self) -> str:
        """The frames in words."""
        return "; ".join(text for family in self._families.values() if (text := family.told))
