"""Callbacks: what the host does between dispatches of the compiled program."""

from __future__ import annotations

from caviar import public
from caviar.training.callbacks.base import *
from caviar.training.callbacks.checkpoints import *
from caviar.training.callbacks.records import *
from caviar.training.callbacks.simple import *
from caviar.training.callbacks.tensorboard import *

public.show(globals())
