"""Activation functions: pure functions of an array, named as Keras names them.

The five families of the lecture are in `FAMILIES`. At a kink the derivative is the one that PyTorch takes.
"""

from __future__ import annotations

from caviar import public
from caviar.activations.exponentials import *
from caviar.activations.lecture import *
from caviar.activations.lookup import *
from caviar.activations.rectifiers import *
from caviar.activations.sigmoids import *
from caviar.activations.softmaxes import *
from caviar.activations.thresholds import *

public.show(globals(), "FAMILIES")
