"""Metrics, by the names that Keras gives them: sums over an epoch that do not depend on how its rows are batched."""

from __future__ import annotations

from caviar import public
from caviar.metrics.accuracy import *
from caviar.metrics.base import *
from caviar.metrics.classes import *
from caviar.metrics.counting import *
from caviar.metrics.curves import *
from caviar.metrics.lookup import *
from caviar.metrics.means import *
from caviar.metrics.of_losses import *
from caviar.metrics.regression import *

public.show(globals())
