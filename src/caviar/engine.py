"""What has to be decided about JAX before it starts. Imported before the first `import jax`, and imports nothing of ours."""

from __future__ import annotations

import os
import sys

# jaxlib 0.10 can return wrong results with its default fusion of YNNPACK (jax#39103); this keeps its fast dots alone.
_FLAGS = {"--xla_cpu_experimental_ynn_fusion_type": "individual_dot"}


def prepare() -> None:
    """Add caviar's XLA flags to the user's own. Too late once JAX runs, and then left alone."""
    given = os.environ.get("XLA_FLAGS", "")
    ours = [f"{flag}={value}" for flag, value in _FLAGS.items() if flag not in given]
    if "jax" not in sys.modules:
        os.environ["XLA_FLAGS"] = " ".join([given, *ours]).strip()


prepare()
