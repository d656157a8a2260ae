"""Losses, by the names that Keras gives them: each is a class, and a lower-case function made from it."""

from __future__ import annotations

from caviar import public
from caviar.losses.base import *
from caviar.losses.binary import *
from caviar.losses.categorical import *
from caviar.losses.labels import *
from caviar.losses.lookup import *
from caviar.losses.regression import *
from caviar.losses.structured import *

public.show(globals())
