"""Keras' callbacks, called at their places in a training here. They see the Keras model, as it is by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caviar.training.callbacks.base import TEST_BATCH_HOOKS, Callback, pace_of

if TYPE_CHECKING:
    from caviar.adopting.of_keras import OfKeras

_HOOKS = [name for name in vars(Callback) if name.startswith("on_") and name not in TEST_BATCH_HOOKS]


def heard(adopted: OfKeras, callbacks: list[Any]) -> list[Any]:
    """The callbacks, with those of Keras' as callbacks here."""
    return [
        c if isinstance(c, Callback) or not hasattr(c, "set_model") else HeardByKeras(c, adopted) for c in callbacks
    ]


class HeardByKeras(Callback):
    """A callback of Keras', which is told what happens, and may change weights, the learning rate and when to stop."""

    def __init__(self, callback: Any, adopted: OfKeras):
        self.callback, self.adopted = callback, adopted
        own = [name for c in type(callback).__mro__ if c.__name__ != "Callback" for name in vars(c)]
        self.pace = pace_of(own)
        callback.set_model(adopted.original)

    def set_params(self, params: dict[str, Any]) -> None:
        """Keras' callbacks know the same ones."""
        self.callback.set_params(params)

    def tell(self, hook: str, *args: Any) -> None:
        """Call a hook with the Keras model as it is by now, and take over what the callback changes."""
        keras, training, optimizer = self.adopted.original, self.adopted.training_under_way, self.adopted.optimizer
        if hook == "on_train_begin":
            keras.stop_training = False
        if training is not None and self.pace != "run":
            optimizer.give_back(training.run)
        getattr(self.callback, hook)(*args)
        optimizer.take_rate()
        self.adopted.stop_training = self.adopted.stop_training or bool(keras.stop_training)


def _told(hook: str) -> Any:
    return lambda self, *args: self.tell(hook, *args)


for _hook in _HOOKS:
    setattr(HeardByKeras, _hook, _told(_hook))
