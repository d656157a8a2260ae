from caviar.layers.activation import *
from caviar.layers.dense import Dense
from caviar.layers.noise import *
from caviar.layers.base import Layer
from caviar.layers.preprocessing import *
from caviar.layers.shaping import *
import sys as _s
try:
    from caviar.layers.normalization import BatchNormalization
    from caviar.layers.conv import *
    from caviar.layers.pooling import *
except ImportError:
    from caviar.layers.dense import Dense as BatchNormalization, Dense as Conv2D, Dense as MaxPooling2D
from caviar.layers.recurrent import *
