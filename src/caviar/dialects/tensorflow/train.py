"""`tf.train`: optimizers with TensorFlow 1's arithmetic, learning rates that decay, and variables in files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from caviar.arguments import Checked
from caviar.declarations import Kind, Number
from caviar.dialects.tensorflow.decays import (
    cosine_decay,
    exponential_decay,
    inverse_time_decay,
    natural_exp_decay,
    piecewise_constant,
    polynomial_decay,
)
from caviar.dialects.tensorflow.derivatives import gradients
from caviar.dialects.tensorflow.graphs import get_default_graph
from caviar.dialects.tensorflow.saver import Saver
from caviar.dialects.tensorflow.variables import Group, Variable
from caviar.dialects.tensorflow.weights import Assign, Weight, weight_of
from caviar.errors import ArgumentError
from caviar.graph import Graph, Node, apply
from caviar.parts import take_apart
from caviar.telling import all_tell

__all__ = [
    "AdadeltaOptimizer", "AdagradOptimizer", "AdamOptimizer", "GradientDescentOptimizer", "MomentumOptimizer", "Optimizer",
    "RMSPropOptimizer", "Saver", "cosine_decay", "exponential_decay", "get_or_create_global_step", "inverse_time_decay",
    "natural_exp_decay", "piecewise_constant", "polynomial_decay",
]  # fmt: skip
__dir__ = __all__.copy

Array = Any


Rate = Annotated[Any, Number(least=0) | Kind(Node, "a node")]
Portion = Annotated[Any, Number(least=0, most=1) | Kind(Node, "a node")]


@dataclass(eq=False)
class Optimizer(Checked):
    """The base of optimizers; a new one defines `step`, the update of a variable and its slots, and `numbers`, its arguments.

    Any number may also be a node: a placeholder, or `tf.train.exponential_decay(...)`.

    >>> from caviar.dialects.tensorflow.train import GradientDescentOptimizer
    >>> from caviar.dialects.tensorflow import Session, Variable, global_variables_initializer, reset_default_graph
    >>> reset_default_graph()
    >>> w = Variable(0.0)
    >>> train = GradientDescentOptimizer(0.01).minimize(w**2 - 10 * w + 25)
    >>> with Session() as session:
    ...     session.run(global_variables_initializer())
    ...     session.run(train)
    ...     round(float(session.run(w)), 6)
    0.1
    """

    slots: ClassVar[dict[str, float]] = {}
    """The slots of each variable: their names and initial values."""
    _slots: dict[tuple[Any, str], Variable] = field(default_factory=dict, init=False, repr=False)

    def numbers(self) -> list[Any]:
        """The numbers that `step` takes after the slots."""
        raise NotImplementedError(f"{type(self).__name__} needs numbers(self) and step(w, g, *slots, *numbers)")

    @staticmethod
    def step(w: Array, g: Array, *slots_and_numbers: Array) -> tuple[Array, ...]:
        """The variable and its slots after a step."""
        raise NotImplementedError

    def minimize(self, loss: Any, global_step: Any = None, var_list: Any = None, name: str | None = None) -> Group:
        """The operation that takes one step to minimize the loss."""
        return self.apply_gradients(self.compute_gradients(loss, var_list), global_step)

    def compute_gradients(self, loss: Any, var_list: Any = None) -> list[tuple[Any, Any]]:
        """Pairs of a gradient (or None) and a variable, by default every trainable one."""
        if not isinstance(loss, Node):
            raise ArgumentError(f"a loss is a node, written with variables, and {loss!r} was given")
        variables = _trainable(loss) if var_list is None else list(var_list)
        found = gradients(loss, variables)
        if all(g is None for g in found):
            raise ArgumentError(
                f"the loss {loss!r} depends on no trainable variable of this graph: write it with tf.Variable(...)"
            )
        return list(zip(found, variables, strict=True))

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None, name: Any = None
    ) -> Group:
        """The operation that makes one step with these gradients, and counts it in `global_step`."""
        pairs = [(g, v) for g, v in grads_and_vars if g is not None]
        if not pairs:
            raise ArgumentError("there is no gradient for any variable: every pair is (None, variable)")
        operations = [operation for g, v in pairs for operation in self._moves(g, v)] + self.afterwards()
        return Group(operations if global_step is None else [*operations, Assign(global_step, global_step + 1)])

    def _moves(self, gradient: Any, variable: Any) -> list[Assign]:
        own = [self.get_slot(variable, name) for name in self.slots]
        moved = apply(self.step, variable, gradient, *own, *self.numbers())
        return [Assign(v, new) for v, new in zip([variable, *own], moved, strict=True)]

    def get_slot(self, var: Any, name: str) -> Variable:
        """The slot of a variable with this name."""
        weight = weight_of(var)
        if (weight, name) not in self._slots:
            value = np.full(weight.shape, self.start(name), weight.dtype)
            self._slots[weight, name] = Variable(value, False, f"{weight.path}/{name}", weight.dtype)
        return self._slots[weight, name]

    def start(self, name: str) -> float:
        """The initial value of a slot."""
        return self.slots[name]

    def afterwards(self) -> list[Assign]:
        """Other assignments of a step."""
        return []


def _trainable(loss: Node) -> list[Any]:
    """The trainable variables of the graph, and the weights of the layers in the loss."""
    apart = take_apart(Graph([], loss))
    slots = zip(apart.variables, apart.structure.slots, strict=True)
    of_layers = [v for v, slot in slots if slot.trainable and not isinstance(v, Weight)]
    return [v for v in get_default_graph().variables if v.trainable] + of_layers


@dataclass(eq=False)
class GradientDescentOptimizer(Optimizer):
    """w - learning_rate g.

    >>> from caviar.dialects.tensorflow.train import GradientDescentOptimizer
    >>> GradientDescentOptimizer(0.01).learning_rate
    0.01
    """

    learning_rate: Rate
    use_locking: bool = False
    name: str = "GradientDescent"

    def numbers(self) -> list[Any]:
        """The learning rate."""
        return [self.learning_rate]

    @staticmethod
    def step(w: Array, g: Array, rate: Array) -> tuple[Array, ...]:
        """The variable one step further."""
        return (w - rate * g,)


@dataclass(eq=False)
class MomentumOptimizer(Optimizer):
    """a = momentum a + g; w - learning_rate a, or with Nesterov w - learning_rate (g + momentum a).

    >>> from caviar.dialects.tensorflow.train import MomentumOptimizer
    >>> MomentumOptimizer(0.01, 0.9).use_nesterov
    False
    """

    learning_rate: Rate
    momentum: Portion
    use_locking: bool = False
    name: str = "Momentum"
    use_nesterov: bool = False
    slots: ClassVar[dict[str, float]] = {"Momentum": 0.0}

    def numbers(self) -> list[Any]:
        """Rate and momentum."""
        return [self.learning_rate, self.momentum, self.use_nesterov]

    @staticmethod
    def step(w: Array, g: Array, a: Array, rate: Array, momentum: Array, nesterov: bool) -> tuple[Array, ...]:
        """The variable and its slots one step further."""
        a = momentum * a + g
        return w - rate * (g + momentum * a if nesterov else a), a


@dataclass(eq=False)
class AdagradOptimizer(Optimizer):
    """a = a + g², which starts at 0.1; w - learning_rate g / sqrt(a).

    >>> from caviar.dialects.tensorflow.train import AdagradOptimizer
    >>> AdagradOptimizer(0.01).initial_accumulator_value
    0.1
    """

    learning_rate: Rate
    initial_accumulator_value: float = 0.1
    use_locking: bool = False
    name: str = "Adagrad"
    slots: ClassVar[dict[str, float]] = {"Adagrad": 0.1}

    def start(self, name: str) -> float:
        """The initial value of the sums of squares."""
        return self.initial_accumulator_value

    def numbers(self) -> list[Any]:
        """The learning rate."""
        return [self.learning_rate]

    @staticmethod
    def step(w: Array, g: Array, a: Array, rate: Array) -> tuple[Array, ...]:
        """The variable and its slots one step further."""
        a = a + jnp.square(g)
        return w - rate * g / jnp.sqrt(a), a


@dataclass(eq=False)
class AdadeltaOptimizer(Optimizer):
    """Running means a of g² and d of u²; u = sqrt(d + epsilon) / sqrt(a + epsilon) g; w - learning_rate u.

    >>> from caviar.dialects.tensorflow.train import AdadeltaOptimizer
    >>> AdadeltaOptimizer().rho
    0.95
    """

    learning_rate: Rate = 0.001
    rho: Portion = 0.95
    epsilon: Rate = 1e-8
    use_locking: bool = False
    name: str = "Adadelta"
    slots: ClassVar[dict[str, float]] = {"Adadelta": 0.0, "Adadelta_1": 0.0}

    def numbers(self) -> list[Any]:
        """Rate, rho and epsilon."""
        return [self.learning_rate, self.rho, self.epsilon]

    @staticmethod
    def step(w: Array, g: Array, a: Array, d: Array, rate: Array, rho: Array, epsilon: Array) -> tuple[Array, ...]:
        """The variable and its slots one step further."""
        a = rho * a + (1 - rho) * jnp.square(g)
        u = jnp.sqrt(d + epsilon) / jnp.sqrt(a + epsilon) * g
        return w - rate * u, a, rho * d + (1 - rho) * jnp.square(u)


@dataclass(eq=False)
class RMSPropOptimizer(Optimizer):
    """A running mean s of g², which starts at 1; m = momentum m + learning_rate g / sqrt(s + epsilon); w - m.

    With `centered` the square of the running mean of g is taken off s.

    >>> from caviar.dialects.tensorflow.train import RMSPropOptimizer
    >>> RMSPropOptimizer(0.01).decay
    0.9
    """

    learning_rate: Rate
    decay: Portion = 0.9
    momentum: Portion = 0.0
    epsilon: Rate = 1e-10
    use_locking: bool = False
    centered: bool = False
    name: str = "RMSProp"
    slots: ClassVar[dict[str, float]] = {"RMSProp": 1.0, "RMSProp_1": 0.0, "RMSProp_2": 0.0}

    def numbers(self) -> list[Any]:
        """Rate, decay, momentum and epsilon."""
        return [self.learning_rate, self.decay, self.momentum, self.epsilon, self.centered]

    @staticmethod
    def step(
        w: Array,
        g: Array,
        s: Array,
        m: Array,
        mean: Array,
        rate: Array,
        decay: Array,
        momentum: Array,
        epsilon: Array,
        centered: bool,
    ) -> tuple[Array, ...]:
        """The variable and its slots one step further."""
        s = decay * s + (1 - decay) * jnp.square(g)
        mean = decay * mean + (1 - decay) * g if centered else mean
        m = momentum * m + rate * g / jnp.sqrt(s - jnp.square(mean) + epsilon)
        return w - m, s, m, mean


@dataclass(eq=False)
class AdamOptimizer(Optimizer):
    """Running means m of g and v of g²; w - learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).

    >>> from caviar.dialects.tensorflow.train import AdamOptimizer
    >>> AdamOptimizer().epsilon
    1e-08
    """

    learning_rate: Rate = 0.001
    beta1: Portion = 0.9
    beta2: Portion = 0.999
    epsilon: Rate = 1e-8
    use_locking: bool = False
    name: str = "Adam"
    slots: ClassVar[dict[str, float]] = {"Adam": 0.0, "Adam_1": 0.0}
    _powers: list[Variable] = field(default_factory=list, init=False, repr=False)

    def numbers(self) -> list[Any]:
        """Rate, both betas and their powers, and epsilon."""
        if not self._powers:
            self._powers += [
                Variable(b, False, n) for b, n in ((self.beta1, "beta1_power"), (self.beta2, "beta2_power"))
            ]
        return [self.learning_rate, self.beta1, self.beta2, *self._powers, self.epsilon]

    @staticmethod
    def step(
        w: Array,
        g: Array,
        m: Array,
        v: Array,
        rate: Array,
        beta1: Array,
        beta2: Array,
        power1: Array,
        power2: Array,
        epsilon: Array,
    ) -> tuple[Array, ...]:
        """The variable and its slots one step further."""
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * jnp.square(g)
        return w - rate * jnp.sqrt(1 - power2) / (1 - power1) * m / (jnp.sqrt(v) + epsilon), m, v

    def afterwards(self) -> list[Assign]:
        """The next powers."""
        return [Assign(p, p * b) for p, b in zip(self._powers, (self.beta1, self.beta2), strict=True)]


def get_or_create_global_step() -> Variable:
    """The variable that counts the steps of training.

    >>> from caviar.dialects.tensorflow.train import get_or_create_global_step
    >>> get_or_create_global_step() is get_or_create_global_step()
    True
    """
    graph = get_default_graph()
    if "global_step" not in graph.shared:
        graph.shared["global_step"] = Variable(0, False, "global_step", "int64")
    return graph.shared["global_step"]


globals().update(all_tell(globals(), __all__))
