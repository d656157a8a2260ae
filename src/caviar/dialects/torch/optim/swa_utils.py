"""`torch.optim.swa_utils`: a second model whose parameters are the average of those of the first."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from caviar.dialects.torch import creation
from caviar.dialects.torch.autograd import no_grad
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.nn.module import Module
from caviar.telling import all_tell


class AveragedModel(Module):
    """The mean of a model's parameters at every `update_parameters`, or another average of them.

    >>> from caviar.dialects.torch.optim.swa_utils import AveragedModel
    >>> import caviar.dialects.torch as torch
    >>> model = torch.nn.Linear(1, 1)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = torch.nn.init.constant_(model.weight, value)
    ...     averaged.update_parameters(model)
    >>> averaged.module.weight.item()
    2.0
    """

    def __init__(
        self, model: Any, device: Any = None, avg_fn: Callable[..., Any] | None = None, *, use_buffers: bool = False
    ) -> None:
        super().__init__()
        self.module, self.avg_fn, self.use_buffers = copy.deepcopy(model), avg_fn or _mean, use_buffers
        self.register_buffer("n_averaged", creation.tensor(0))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs of the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Add the model's parameters to the average; its buffers too (`use_buffers`), or they are copied."""
        pairs = zip([*self.module.parameters()], [*model.parameters()], strict=True)
        buffers = zip([*self.module.buffers()], [*model.buffers()], strict=True)
        count = int(self.n_averaged)
        with no_grad():
            for average, p in [*pairs, *(buffers if self.use_buffers else ())]:
                if count and average.is_floating_point():
                    average.copy_(self.avg_fn(average, p, count))
                else:
                    average.copy_(p)
            for own, buffer in () if self.use_buffers else buffers:
                own.copy_(buffer)
        self.n_averaged.fill_(count + 1)


def _mean(average: Any, p: Any, count: int) -> Any:
    return average + (p - average) / float(count + 1)


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """The function of an exponential moving average: `decay * average + (1 - decay) * parameter`.

    >>> from caviar.dialects.torch.optim.swa_utils import get_ema_avg_fn
    >>> get_ema_avg_fn(0.5)(1.0, 3.0, 7)
    2.0
    """
    return lambda average, p, count: decay * average + (1 - decay) * p


__all__ = ["AveragedModel", "get_ema_avg_fn"]
globals().update(all_tell(globals(), __all__))
__dir__ = __all__.copy
__getattr__ = missing("optim.swa_utils", __all__)
