"""Layers, under Keras' names: one small file for each idea; `base` defines what a layer is."""

from __future__ import annotations

from caviar import public
from caviar.graph.node import Input as Input
from caviar.layers.activation import *
from caviar.layers.adaptive_pooling import *
from caviar.layers.aliases import *
from caviar.layers.attention import *
from caviar.layers.augmentation import *
from caviar.layers.base import *
from caviar.layers.batch_normalization import *
from caviar.layers.cells import *
from caviar.layers.conv import *
from caviar.layers.conv_transpose import *
from caviar.layers.dense import *
from caviar.layers.depthwise import *
from caviar.layers.einsum import *
from caviar.layers.embedding import *
from caviar.layers.extents import *
from caviar.layers.global_pooling import *
from caviar.layers.joining import *
from caviar.layers.merging import *
from caviar.layers.noise import *
from caviar.layers.normalization import *
from caviar.layers.pooling import *
from caviar.layers.preprocessing import *
from caviar.layers.rectifiers import *
from caviar.layers.recurrent import *
from caviar.layers.resizing import *
from caviar.layers.shaping import *
from caviar.layers.sigmoids import *
from caviar.layers.slopes import *
from caviar.layers.softmaxes import *
from caviar.layers.thresholds import *
from caviar.layers.vocabularies import *
from caviar.layers.wrappers import *

public.show(globals())
