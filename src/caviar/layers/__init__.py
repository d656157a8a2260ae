"""Layers, under Keras' names. Each has one small file for its idea; `base` is the protocol."""

from __future__ import annotations

from caviar.graph.node import Input
from caviar.layers.activation import (
    CELU,
    ELU,
    GELU,
    SELU,
    Activation,
    HardShrink,
    HardSigmoid,
    HardSiLU,
    HardSwish,
    HardTanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    Sign,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    SoftShrink,
    Softsign,
    Swish,
    Tanh,
    TanhShrink,
    Threshold,
)
from caviar.layers.attention import AdditiveAttention, Attention, MultiHeadAttention
from caviar.layers.base import Layer
from caviar.layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from caviar.layers.conv import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from caviar.layers.dense import Dense
from caviar.layers.embedding import Embedding, Masking
from caviar.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from caviar.layers.noise import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from caviar.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from caviar.layers.pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from caviar.layers.preprocessing import CategoryEncoding, Discretization, Lambda, Normalization, Rescaling
from caviar.layers.recurrent import GRU, LSTM, RNN, SimpleRNN
from caviar.layers.shaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Identity,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from caviar.layers.slopes import PReLU, RReLU
from caviar.layers.wrappers import Bidirectional, TimeDistributed

__all__ = [
    "CELU", "ELU", "GELU", "GRU", "LSTM", "RNN", "SELU", "Activation", "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D", "Add", "AdditiveAttention", "AlphaDropout", "Attention", "Average", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "Bidirectional", "CategoryEncoding", "Concatenate",
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Cropping1D",
    "Cropping2D", "Cropping3D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Discretization", "Dot", "Dropout",
    "Embedding", "Flatten", "GRUCell", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D",
    "GlobalMaxPooling3D", "GroupNormalization", "HardShrink", "HardSiLU", "HardSigmoid", "HardSwish", "HardTanh",
    "Identity", "Input", "LSTMCell", "Lambda", "Layer", "LayerNormalization", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Masking", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "Mish",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "RMSNormalization", "RReLU", "ReLU",
    "ReLU6", "RepeatVector", "Rescaling", "Reshape", "SeparableConv1D", "SeparableConv2D", "SiLU", "Sigmoid", "Sign",
    "SimpleRNN", "SimpleRNNCell", "SoftShrink", "Softmax", "Softmin", "Softplus", "Softsign", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "StackedRNNCells", "Subtract", "Swish", "Tanh", "TanhShrink",
    "Threshold", "TimeDistributed", "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D",
    "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "add", "average", "concatenate", "dot", "maximum", "minimum",
    "multiply", "subtract",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
