"""Small things around training, under Keras' names."""

from __future__ import annotations

from caviar import public
from caviar.config import set_random_seed as set_random_seed
from caviar.describing import describe as describe
from caviar.fetching import get_file as get_file
from caviar.utils.diagrams import *
from caviar.utils.directories import *
from caviar.utils.image_files import *
from caviar.utils.labels import *
from caviar.utils.sequences import *
from caviar.utils.session import *

public.show(globals())
