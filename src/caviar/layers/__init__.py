from caviar.layers.activation import *
from caviar.layers.dense import Dense
from caviar.layers.noise import *
from caviar.layers.base import Layer
