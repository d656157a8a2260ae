"""Losses as modules."""

from __future__ import annotations

from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Loss


class L1Loss(Loss):
    """|input - target|, reduced to its mean by default."""

    function = F.l1_loss


class MSELoss(Loss):
    """(input - target)^2, reduced to its mean by default."""

    function = F.mse_loss


class HuberLoss(Loss):
    """d^2 / 2 where the difference d is at most `delta`, else `delta * (|d| - delta / 2)`."""

    function = F.huber_loss


class SmoothL1Loss(Loss):
    """d^2 / (2 beta) where the difference d is below `beta`, else |d| - beta / 2: Huber's loss divided by `beta`."""

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
    """The negative log-likelihood of counts under Poisson distributions: `exp(input) - target * input` of log rates."""

    function = F.poisson_nll_loss


class GaussianNLLLoss(Loss):
    """The negative log-likelihood under normal distributions: `(log(var) + (input - target)^2 / var) / 2`."""

    function = F.gaussian_nll_loss
    tensors = 3


class HingeEmbeddingLoss(Loss):
    """x for pairs that belong together (label 1), and `max(0, margin - x)` for those that do not (label -1); x is a distance."""

    function = F.hinge_embedding_loss


class SoftMarginLoss(Loss):
    """`log(1 + exp(-y x))` for labels -1 and 1."""

    function = F.soft_margin_loss


class NLLLoss(Loss):
    """Minus the input at the true class, for inputs that are log-probabilities."""

    function = F.nll_loss


class CrossEntropyLoss(Loss):
    """-log softmax of the true class, for class numbers or a probability for each class."""

    function = F.cross_entropy


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the binary crossentropy of logits."""

    function = F.multilabel_soft_margin_loss


class MultiMarginLoss(Loss):
    """The sum over the wrong classes i of `max(0, margin - x[true] + x[i])^p`, divided by the number of classes."""

    function = F.multi_margin_loss
    fixed = ("p",)


class MultiLabelMarginLoss(Loss):
    """The sum over true classes t and others i of `max(0, 1 - x[t] + x[i])`, divided by the number of classes."""

    function = F.multilabel_margin_loss


class MarginRankingLoss(Loss):
    """`max(0, -y (x1 - x2) + margin)`: x1 should be larger than x2 where y is 1, and smaller where y is -1."""

    function = F.margin_ranking_loss
    tensors = 3


class CosineEmbeddingLoss(Loss):
    """1 - cos(x1, x2) for pairs that belong together (label 1), and `max(0, cos(x1, x2) - margin)` for others (label -1)."""

    function = F.cosine_embedding_loss
    tensors = 3


class TripletMarginLoss(Loss):
    """`max(0, |anchor - positive| - |anchor - negative| + margin)`, with p-norms as distances."""

    function, tensors = F.triplet_margin_loss, 3
    fixed = ("p",)


class CTCLoss(Loss):
    """Minus the log-probability of all alignments of a sequence of labels."""

    function, tensors = F.ctc_loss, 4
