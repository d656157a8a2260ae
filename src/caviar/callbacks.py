"""Callbacks: what happens before, during and after training besides training.

`EarlyStopping`, `ReduceLROnPlateau` and `TerminateOnNaN` decide on the device, inside the compiled program; the others
run on the host, between its dispatches.
"""

from __future__ import annotations

from caviar import public
from caviar.training.callbacks import *
from caviar.training.rules import *

public.show(globals())
