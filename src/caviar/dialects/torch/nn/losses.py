"""Losses as modules."""

from __future__ import annotations

from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Loss


class L1Loss(Loss):
    """The absolute difference."""

    function = F.l1_loss


class MSELoss(Loss):
    """The squared difference."""

    function = F.mse_loss


class HuberLoss(Loss):
    """Squared up to a difference of `delta`, straight beyond."""

    function = F.huber_loss


class SmoothL1Loss(Loss):
    """Huber's loss divided by `beta`."""

    function = F.smooth_l1_loss


class BCELoss(Loss):
    """`-(y log p + (1 - y) log(1 - p))` of probabilities."""

    function = F.binary_cross_entropy


class BCEWithLogitsLoss(Loss):
    """The same of logits; `pos_weight` scales the part of the ones."""

    function = F.binary_cross_entropy_with_logits


class KLDivLoss(Loss):
    """`y (log y - input)` of log-probabilities; reduction "batchmean" is the divergence of the rows."""

    function = F.kl_div


class PoissonNLLLoss(Loss):
    """Minus the log-likelihood of counts."""

    function = F.poisson_nll_loss


class GaussianNLLLoss(Loss):
    """Minus the log-likelihood of normal variables with these means and variances."""

    function = F.gaussian_nll_loss
    tensors = 3


class HingeEmbeddingLoss(Loss):
    """The distance of what belongs together (1), and what is lacking to the margin of what does not (-1)."""

    function = F.hinge_embedding_loss


class SoftMarginLoss(Loss):
    """`log(1 + exp(-y x))` for labels -1 and 1."""

    function = F.soft_margin_loss


class NLLLoss(Loss):
    """Minus the log-probability of the true class."""

    function = F.nll_loss


class CrossEntropyLoss(Loss):
    """-log softmax of the true class, for class numbers or a probability for each class."""

    function = F.cross_entropy


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the binary crossentropy of logits."""

    function = F.multilabel_soft_margin_loss


class MultiMarginLoss(Loss):
    """What is lacking to the margin between the true class and the others."""

    function = F.multi_margin_loss
    fixed = ("p",)


class MultiLabelMarginLoss(Loss):
    """What is lacking to the margin between each true class and each other."""

    function = F.multilabel_margin_loss


class MarginRankingLoss(Loss):
    """What is lacking to the margin by which the first is to be larger (1) or smaller (-1) than the second."""

    function = F.margin_ranking_loss
    tensors = 3


class CosineEmbeddingLoss(Loss):
    """1 - cosine of what belongs together (1), and the cosine beyond the margin of what does not (-1)."""

    function = F.cosine_embedding_loss
    tensors = 3


class TripletMarginLoss(Loss):
    """What is lacking to the margin by which the anchor is nearer to the positive than to the negative."""

    function, tensors = F.triplet_margin_loss, 3
    fixed = ("p",)


class CTCLoss(Loss):
    """Minus the log-probability of all alignments of a sequence of labels."""

    function, tensors = F.ctc_loss, 4
