"""`torch.nn.functional`: what modules compute. A new function is one of arrays, made an operation by a decorator."""

from __future__ import annotations

from typing import Any

from caviar.dialects.torch.names import missing as _missing
from caviar.dialects.torch.nn.functional import (
    activations,
    attention,
    convolution,
    distances,
    embeddings,
    losses,
    noise,
    normalization,
    pooling,
    shaping,
)
from caviar.doors import door as _door

_NAMES = {
    activations: "celu elu gelu glu gumbel_softmax hardshrink hardsigmoid hardswish hardtanh leaky_relu log_softmax logsigmoid "
    "mish prelu relu relu6 rrelu selu sigmoid silu softmax softmin softplus softshrink softsign tanh tanhshrink threshold",
    attention: "scaled_dot_product_attention",
    convolution: "bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear",
    distances: "cosine_similarity normalize pairwise_distance",
    embeddings: "embedding embedding_bag one_hot",
    losses: "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss "
    "gaussian_nll_loss hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss "
    "multilabel_margin_loss multilabel_soft_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss "
    "triplet_margin_loss",
    noise: "alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
    normalization: "batch_norm group_norm instance_norm layer_norm local_response_norm rms_norm",
    pooling: "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d max_pool1d max_pool2d max_pool3d "
    "max_unpool1d max_unpool2d max_unpool3d",
    shaping: "channel_shuffle fold interpolate pad pixel_shuffle pixel_unshuffle unfold",
}
_FUNCTIONS: dict[str, Any] = {
    name: _door(getattr(module, name)) for module, names in _NAMES.items() for name in names.split()
}
globals().update(_FUNCTIONS)

__all__ = [*_FUNCTIONS]
__dir__ = __all__.copy
__getattr__ = _missing("F", __all__)
