"""What has to be decided about JAX before its engine starts. Imports nothing of ours, and not JAX either."""

from __future__ import annotations

import os

# jaxlib 0.10 can return wrong results with its default fusion by YNNPACK (jax#39103); this keeps its fast dots alone.
_FLAGS = {"--xla_cpu_experimental_ynn_fusion_type": "individual_dot"}


def prepare() -> None:
    """Add caviar's XLA flags to the user's own, which are kept. XLA reads them when the first array is made."""
    given = os.environ.get("XLA_FLAGS", "")
    ours = [f"{flag}={value}" for flag, value in _FLAGS.items() if flag not in given]
    os.environ["XLA_FLAGS"] = " ".join([given, *ours]).strip()


prepare()
