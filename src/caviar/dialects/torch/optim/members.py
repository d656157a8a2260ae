"""The optimizers: PyTorch's arguments and defaults, and what they mean in caviar's. A new one is its defaults and its rule.

`state_names` names what the state holds for each parameter, in PyTorch's words, with the option that asks for it, if any.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import optax

from caviar import optimizers
from caviar.dialects.torch.optim.optimizer import Optimizer
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.optimizers.schedules import InverseTimeDecay
from caviar.parts import is_off

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
]

_MOMENTS = {"exp_avg": "", "exp_avg_sq": ""}


class SGD(Optimizer):
    """Gradient descent, optionally with momentum: `v = momentum v + g; w = w - lr v`."""

    defaults = {"lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
    state_names = {"momentum_buffer": "momentum"}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; `nesterov` needs a momentum."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ArgumentError("nesterov=True needs a momentum, such as momentum=0.9, and no dampening")

    @staticmethod
    def rule(lr: Any, momentum: Any, dampening: Any, weight_decay: Any, nesterov: bool) -> optimizers.Optimizer:
        """The rate multiplies the momentum, and not the gradients that enter it; without momentum there is no dampening."""
        return optimizers.SGD(
            lr, momentum, nesterov, dampening=0.0 if is_off(momentum) else dampening, rate_inside=False,
            weight_decay=weight_decay, decoupled_weight_decay=False,
        )  # fmt: skip


class ASGD(Optimizer):
    """Gradient descent that also computes the mean of its weights: `optimizer.state[p]["ax"]`."""

    defaults = {"lr": 1e-2, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0.0}
    state_names = {"ax": ""}

    @staticmethod
    def rule(lr: Any, lambd: Any, alpha: Any, t0: Any, weight_decay: Any) -> optimizers.Optimizer:
        """caviar's, with weight decay in the gradient."""
        return optimizers.ASGD(lr, lambd, alpha, t0, weight_decay=weight_decay, decoupled_weight_decay=False)


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients."""

    defaults = {
        "lr": 1e-2, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10,
    }  # fmt: skip
    state_names = {"sum": ""}

    @staticmethod
    def rule(
        lr: Any, lr_decay: Any, weight_decay: Any, initial_accumulator_value: Any, eps: Any
    ) -> optimizers.Optimizer:
        """The rate falls as `lr / (1 + t lr_decay)`."""
        return optimizers.Adagrad(
            lr if is_off(lr_decay) else InverseTimeDecay(lr, 1, lr_decay), initial_accumulator_value, eps,
            epsilon_at="outside", weight_decay=weight_decay, decoupled_weight_decay=False,
        )  # fmt: skip


class Adadelta(Optimizer):
    """RMSprop times the root of the mean squared step, so that steps have the units of weights."""

    defaults = {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0}
    state_names = {"square_avg": "", "acc_delta": ""}

    @staticmethod
    def rule(lr: Any, rho: Any, eps: Any, weight_decay: Any) -> optimizers.Optimizer:
        """caviar's, with weight decay in the gradient."""
        return optimizers.Adadelta(lr, rho, eps, weight_decay=weight_decay, decoupled_weight_decay=False)


class RMSprop(Optimizer):
    """Steps divided by the root of a running average of the squared gradients."""

    defaults = {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False}
    state_names = {"square_avg": "", "grad_avg": "centered", "momentum_buffer": "momentum"}

    @staticmethod
    def rule(lr: Any, alpha: Any, eps: Any, weight_decay: Any, momentum: Any, centered: bool) -> optimizers.Optimizer:
        """Epsilon is added outside the root; the rate multiplies the step that the momentum gives."""
        return optimizers.RMSprop(
            lr, alpha, momentum, eps, centered, epsilon_at="outside", rate_inside=False, weight_decay=weight_decay,
            decoupled_weight_decay=False,
        )  # fmt: skip


class Rprop(Optimizer):
    """Every weight has its own step, longer while its gradient keeps its sign."""

    defaults = {"lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0)}
    state_names = {"prev": "", "step_size": ""}

    @staticmethod
    def rule(lr: Any, etas: Any, step_sizes: Any) -> optimizers.Optimizer:
        """caviar's."""
        return optimizers.Rprop(lr, *etas, *step_sizes)


class Adam(Optimizer):
    """`w -= lr * m_hat / (sqrt(v_hat) + eps)`, from running means m of gradients and v of their squares."""

    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False,
        "decoupled_weight_decay": False,
    }  # fmt: skip
    state_names = {**_MOMENTS, "max_exp_avg_sq": "amsgrad"}

    @staticmethod
    def rule(
        lr: Any, betas: Any, eps: Any, weight_decay: Any, amsgrad: bool, decoupled_weight_decay: bool
    ) -> optimizers.Optimizer:
        """Epsilon outside the root."""
        return optimizers.Adam(
            lr, betas[0], betas[1], eps, amsgrad, epsilon_at="outside", weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip


class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks the weights directly, and is not added to the gradient."""

    defaults = {**Adam.defaults, "weight_decay": 1e-2, "decoupled_weight_decay": True}


class Adamax(Optimizer):
    """Adam that divides by the largest recent |gradient| (with decay) in place of the root of the mean square."""

    defaults = {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    state_names = {"exp_avg": "", "exp_inf": ""}

    @staticmethod
    def rule(lr: Any, betas: Any, eps: Any, weight_decay: Any) -> optimizers.Optimizer:
        """Epsilon inside the maximum."""
        return optimizers.Adamax(
            lr, betas[0], betas[1], eps, epsilon_at="inside", weight_decay=weight_decay, decoupled_weight_decay=False
        )


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead."""

    defaults = {
        "lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "momentum_decay": 4e-3,
        "decoupled_weight_decay": False,
    }  # fmt: skip
    state_names = {**_MOMENTS, "mu_product": ""}

    @staticmethod
    def rule(
        lr: Any, betas: Any, eps: Any, weight_decay: Any, momentum_decay: Any, decoupled_weight_decay: bool
    ) -> optimizers.Optimizer:
        """caviar's."""
        return optimizers.Nadam(
            lr, betas[0], betas[1], eps, momentum_decay=momentum_decay, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip


class RAdam(Optimizer):
    """Adam that divides only when it has seen enough gradients to estimate their squares, so that it needs no warm-up."""

    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "decoupled_weight_decay": False,
    }  # fmt: skip
    state_names = _MOMENTS

    @staticmethod
    def rule(lr: Any, betas: Any, eps: Any, weight_decay: Any, decoupled_weight_decay: bool) -> optimizers.Optimizer:
        """caviar's."""
        return optimizers.RAdam(
            lr, betas[0], betas[1], eps, weight_decay=weight_decay, decoupled_weight_decay=decoupled_weight_decay
        )


class Adafactor(Optimizer):
    """Adam that stores, in place of a matrix of squares, only its row and column means."""

    defaults = {"lr": 1e-2, "beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0.0}
    state_names = {"row_var": "", "col_var": ""}

    @staticmethod
    def rule(lr: Any, beta2_decay: Any, eps: Any, d: Any, weight_decay: Any) -> optimizers.Optimizer:
        """The step is in proportion to the weights before they decay."""
        without_decay = optimizers.Adafactor(lr, beta2_decay, eps[0], eps[1], d, epsilon_floor=True)
        if is_off(weight_decay):
            return without_decay
        return optimizers.Optax(optax.chain(without_decay.rule(), optax.add_decayed_weights(-lr * weight_decay)))


class Muon(Optimizer):
    """Steps along the momentum of each matrix, made orthogonal; for matrices only. PyTorch computes it in bfloat16, caviar does not."""

    defaults = {
        "lr": 1e-3, "weight_decay": 0.1, "momentum": 0.95, "nesterov": True, "ns_coefficients": (3.4445, -4.775, 2.0315),
        "ns_steps": 5, "adjust_lr_fn": None,
    }  # fmt: skip
    unused = {**Optimizer.unused, "eps": 1e-7}
    state_names = {"momentum_buffer": "", "exp_avg_sq": ""}  # the latter never, for matrices

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add matrices."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if others := [tuple(p.shape) for p in group["params"] if p.ndim != 2]:
            raise ShapeError(f"Muon moves matrices, and was given a shape {others[0]}: give the rest to AdamW")
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise unknown_name("adjust_lr_fn", group["adjust_lr_fn"], ("original", "match_rms_adamw"))

    @staticmethod
    def rule(
        lr: Any,
        weight_decay: Any,
        momentum: Any,
        nesterov: bool,
        ns_coefficients: Any,
        ns_steps: int,
        adjust_lr_fn: Any,
    ) -> optimizers.Optimizer:
        """Orthogonal steps, scaled by the size of the matrix."""
        a, b, c = ns_coefficients
        muon = optimizers.Muon(
            lr, muon_a=a, muon_b=b, muon_c=c, momentum=momentum, ns_steps=ns_steps, nesterov=nesterov,
            rms_rate=0.2 if adjust_lr_fn == "match_rms_adamw" else None,
        )  # fmt: skip

        def lengthened(step: Any, _: Any) -> Any:
            rows, columns = step.shape
            return step if adjust_lr_fn == "match_rms_adamw" else step * jnp.sqrt(max(1, rows / columns))

        return optimizers.Optax(optax.chain(
            muon.transform(), optax.stateless_with_tree_map(lengthened), optax.add_decayed_weights(weight_decay), optax.scale(-lr),
        ))  # fmt: skip
