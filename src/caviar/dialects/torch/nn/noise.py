"""Dropout in its forms, as modules."""

from __future__ import annotations

from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Applied


class _Dropout(Applied):
    shown = ("p", "inplace")


class Dropout(_Dropout):
    """While training, set each element to 0 with probability p, and divide the others by 1 - p."""

    function = F.dropout


class Dropout1d(_Dropout):
    """`Dropout` of whole channels of sequences."""

    function = F.dropout1d


class Dropout2d(_Dropout):
    """`Dropout` of whole channels of images."""

    function = F.dropout2d


class Dropout3d(_Dropout):
    """`Dropout` of whole channels of volumes."""

    function = F.dropout3d


class AlphaDropout(_Dropout):
    """`Dropout` for networks with SELU: dropped values become its lower limit, and mean and variance stay the same."""

    function = F.alpha_dropout


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    function = F.feature_alpha_dropout
