"""Who competes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Contender:
    """One way to train: a module of this folder, the packages it needs, its environment and its options.

    The module has `make(row, **options)`, or `search(row, **options)` if it takes part in searches.
    """

    module: str
    needs: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    fresh: bool = False  # every measurement has a new process
    once: bool = False  # whole networks are measured in the first round alone: compiling them takes too long


def _keras(backend: str, package: str, env: dict[str, str] | None = None, **options: Any) -> Contender:
    return Contender("keras_contender", ("keras", package), {"KERAS_BACKEND": backend, **(env or {})}, options)


def _caviar(cache: str, **options: Any) -> Contender:
    return Contender("caviar_contender", ("caviar",), {"CAVIAR_CACHE": cache}, options)


def _tuner(name: str, package: str) -> Contender:
    return Contender("tuner_contender", ("keras", "jax", package), {"KERAS_BACKEND": "jax"}, {"tuner": name})


# In a value of `env`, {fresh} is an empty folder of each process, {kept} one folder of the contender's whole row.
_JAX_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": "{kept}",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}

CONTENDERS = {
    "caviar": _caviar("{fresh}"),
    "caviar-warm": _caviar("{kept}"),
    "caviar-bf16": _caviar("{fresh}", policy="mixed_bfloat16"),
    "keras-jax": _keras("jax", "jax"),
    "keras-jax-epoch": _keras("jax", "jax", whole_epoch=True),
    "keras-jax-warm": _keras("jax", "jax", _JAX_CACHE),
    "keras-jax-bf16": _keras("jax", "jax", policy="mixed_bfloat16"),
    "keras-tf": _keras("tensorflow", "tensorflow"),
    "keras-tf-epoch": _keras("tensorflow", "tensorflow", whole_epoch=True),
    "keras-torch": _keras("torch", "torch"),  # this backend has no steps_per_execution
    "torch": Contender("torch_contender", ("torch",)),
    "torch-compile": Contender("torch_contender", ("torch",), options={"compiled": True}, once=True),
    "torch-bf16": Contender("torch_contender", ("torch",), options={"bf16": True}),
    # The same loop, and the same graph, by caviar's dialects.
    "caviar-torch": Contender("torch_contender", ("caviar",), {"BENCHMARK_TORCH": "caviar.dialects.torch"}),
    "caviar-session": Contender("session_contender", ("caviar",), {"BENCHMARK_TF": "caviar.dialects.tensorflow"}),
    "tf-session": Contender("session_contender", ("tensorflow",), {"BENCHMARK_TF": "tensorflow.compat.v1"}),
    # These take part in searches alone.
    "caviar-first": replace(_caviar("{fresh}"), fresh=True),
    "caviar-halving": _caviar("{fresh}", strategy="halving"),
    "caviar-alone": _caviar("{fresh}", alone=True),
    "keras-tuner": _tuner("keras-tuner", "keras_tuner"),
    "optuna": _tuner("optuna", "optuna"),
    "torch-1-thread": Contender("torch_contender", ("torch",), {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}),
    "joblib": Contender("sklearn_contender", ("joblib", "sklearn")),
}
