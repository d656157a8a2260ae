"""The engine computes what was written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

import caviar


def test_a_jitted_sum_of_products_is_right() -> None:
    """The reproduction of jax#39103: 2**30, and without our flag 1065369600."""
    i = jnp.arange(32769, dtype=jnp.float32)
    x = jnp.stack((i, jnp.zeros_like(i), jnp.zeros_like(i)), axis=1)
    product = jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2))
    assert float(jax.jit(product)(x)[-1]) == 2.0**30


def test_the_users_own_flags_are_kept() -> None:
    program = "import os, caviar.config; print(os.environ['XLA_FLAGS'])"
    env = {**os.environ, "XLA_FLAGS": "--xla_cpu_enable_fast_math=false"}
    flags = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
    assert "--xla_cpu_enable_fast_math=false" in flags
    assert "individual_dot" in flags


def test_import_caviar_imports_nothing_heavy() -> None:
    program = (
        "import sys, caviar, caviar.cli; print([m for m in ('jax', 'numpy', 'optax', 'rich') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_same_seed_gives_the_same_keys() -> None:
    caviar.config.set_random_seed(3)
    first = jax.random.key_data(caviar.config.next_key())
    caviar.config.set_random_seed(3)
    assert (jax.random.key_data(caviar.config.next_key()) == first).all()
    assert (jax.random.key_data(caviar.config.next_key()) != first).any()


def test_the_cache_of_programs_is_trimmed_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "middle", "old"]):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    caviar.config.trim_compile_cache(tmp_path, limit=250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["middle", "new"]
    caviar.config.trim_compile_cache(tmp_path / "none")


def test_a_precision_for_a_while_leaves_the_users_own_double_precision_on() -> None:
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", True)
    try:
        with caviar.config.precision("float64"):
            pass
        assert jax.config.read("jax_enable_x64")
        assert caviar.config.floatx() == "float32"
    finally:
        jax.config.update("jax_enable_x64", before)
