"""Every module of `torch.nn` does what PyTorch recorded of it: values, gradients, state, names, prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiles import compiles
from torch_cases import Case, array, called, check, given, leaf, made, recorded

import caviar
import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn, optim
from caviar.errors import CaviarError

CASES = recorded("modules")


def name(case: Case) -> str:
    return case["source"].split(".")[-1]


def first_of_each(cases: list[Case]) -> list[Case]:
    return list({name(c): c for c in reversed(cases)}.values())[::-1]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_a_module_is_that_of_pytorch_and_compiles_once(case: Case) -> None:
    check(made(case), case)
    again = made(case)
    with compiles() as compiled:
        check(again, case)
    assert compiled() == 0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", first_of_each(CASES), ids=name)
def test_a_step_of_training_changes_the_parameters(case: Case) -> None:
    module = made(case)
    check(module, case)
    parameters = list(module.parameters())
    if parameters:
        optim.SGD(parameters, lr=0.1).step()
        for key, gradient in case["expected"]["gradients"].items():
            before = array(case["inputs"]["state"][key])
            np.testing.assert_allclose(
                module.state_dict()[key].numpy(), before - 0.1 * array(gradient), rtol=1e-9, atol=1e-9
            )


@pytest.mark.parametrize("case", [*CASES, *recorded("reprs")], ids=lambda c: c.get("id", f"{name(c)} {c['config']}"))
def test_a_module_prints_as_that_of_pytorch(case: Case) -> None:
    module = getattr(nn, name(case))(**{k: given(v) for k, v in case["config"].items()})
    assert repr(module) == case["expected"].get("repr_before", case["expected"]["repr"])
    if "Lazy" in name(case):
        module(torch.tensor(array(case["inputs"]["x"][0])).float())
        assert repr(module) == case["expected"]["repr"]


class First(nn.Module):
    """The first output of a recorded module, for its first input; the others are constants."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.inner = made(case)
        self.run = lambda inner, x: called(inner, case, [x, *map(leaf, case["inputs"]["x"][1:])])[0]

    def forward(self, x: Any) -> Any:
        return self.run(self.inner, x)


def by_rows(case: Case) -> bool:
    return case["expected"]["y"][0]["shape"][:1] == case["inputs"]["x"][0]["shape"][:1]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", first_of_each([c for c in CASES if by_rows(c)]), ids=name)
def test_a_module_trains_in_fit(case: Case) -> None:
    model, (x, y) = First(case), (array(case[side][key][0]) for side, key in (("inputs", "x"), ("expected", "y")))
    learning = {k for k, g in case["expected"]["gradients"].items() if np.any(array(g))}
    before = {k: v.numpy() for k, v in model.inner.state_dict().items()}
    model.compile(caviar.optimizers.SGD(0.1), "mse")
    history = model.fit(x, np.zeros_like(y), batch_size=len(x), shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], np.mean(y**2), rtol=1e-9)
    state = model.inner.state_dict()
    assert all(np.any(state[k].numpy() != before[k]) for k in learning)
    for key, value in case["expected"]["buffers"].items():
        np.testing.assert_allclose(state[key].numpy(), array(value), rtol=1e-9)


# -- what PyTorch does not record -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "shape", "shared"),
    [(nn.Dropout, (200, 3, 4), 0), (nn.Dropout1d, (200, 3, 4), 1), (nn.Dropout2d, (200, 3, 2, 2), 2),
     (nn.Dropout2d, (200, 3, 4), 1), (nn.Dropout3d, (200, 3, 1, 2, 2), 3)],
)  # fmt: skip
def test_dropout_drops_elements_or_whole_channels(kind: Any, shape: tuple[int, ...], shared: int) -> None:
    torch.manual_seed(0)
    module, x = kind(0.3), torch.ones(*shape)
    dropped = module(x).numpy().reshape(*shape[: len(shape) - shared], -1)
    assert np.unique(dropped).tolist() == pytest.approx([0, 1 / 0.7])
    if shared:
        assert (dropped == dropped[..., :1]).all()
    share = (dropped[..., 0] == 0).mean()
    assert abs(share - 0.3) < 0.06
    assert torch.equal(module.eval()(x), x)
    assert not torch.equal(module.train()(x), module(x))
    assert kind(1.0)(x).sum() == 0


@pytest.mark.parametrize("kind", [nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_alpha_dropout_keeps_mean_and_variance(kind: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn(20000, 3)
    y = kind(0.2)(x)
    assert abs(float(y.mean())) < 0.02
    assert abs(float(y.var()) - 1) < 0.03
    assert torch.equal(kind(0.2).eval()(x), x)


def test_random_slopes_lie_between_their_limits() -> None:
    torch.manual_seed(0)
    y = nn.RReLU(0.1, 0.3)(-torch.ones(1000)).numpy()
    assert -0.3 <= y.min() < -0.29
    assert -0.11 < y.max() <= -0.1
    np.testing.assert_allclose(nn.RReLU(0.1, 0.3).eval()(-torch.ones(2)).numpy(), -0.2, rtol=1e-6)


def test_gumbel_softmax_draws_classes_by_their_probabilities() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([[0.2, 0.3, 0.5]]).log().expand(4000, 3).clone().requires_grad_()
    drawn = F.gumbel_softmax(logits, tau=0.5, hard=True)
    np.testing.assert_allclose(drawn.mean(0).detach().numpy(), [0.2, 0.3, 0.5], atol=0.03)
    np.testing.assert_allclose(drawn.sum(1).detach().numpy(), 1, rtol=1e-6)
    (drawn * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert logits.grad.abs().sum() > 0


def test_dropout_between_the_layers_of_a_network() -> None:
    torch.manual_seed(0)
    network, x = nn.LSTM(3, 4, num_layers=2, dropout=0.5), torch.ones(5, 2, 3)
    assert not torch.equal(network(x)[0], network(x)[0])
    assert torch.equal(network.eval()(x)[0], network(x)[0])


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d, nn.Bilinear, nn.LSTM, nn.GRUCell])
def test_parameters_begin_within_pytorchs_bounds(kind: Any) -> None:
    torch.manual_seed(0)
    module, bound = {
        nn.Conv2d: (lambda: kind(8, 40, 3), 1 / np.sqrt(72)), nn.ConvTranspose2d: (lambda: kind(40, 8, 3), 1 / np.sqrt(72)),
        nn.Bilinear: (lambda: kind(16, 5, 30), 0.25), nn.LSTM: (lambda: kind(9, 25), 0.2), nn.GRUCell: (lambda: kind(9, 25), 0.2),
    }[kind]  # fmt: skip
    for p in module().parameters():
        assert 0.85 * bound < p.abs().max().item() <= bound


def test_embeddings_begin_normal_and_their_padding_as_zeros() -> None:
    torch.manual_seed(0)
    weight = nn.Embedding(500, 8, padding_idx=3).weight
    assert weight[3].abs().sum() == 0
    assert abs(float(weight.std()) - 1) < 0.05
    frozen = nn.Embedding.from_pretrained(torch.ones(2, 3))
    assert not frozen.weight.requires_grad
    assert nn.Embedding.from_pretrained(torch.ones(2, 3), freeze=False).weight.requires_grad


@pytest.mark.slow
def test_copies_of_an_encoder_layer_do_not_share_parameters() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    encoder, x = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4)), torch.randn(2, 3, 4)
    names = [n for n, _ in encoder.named_parameters()]
    assert len(names) == len(set(names)) == 2 * 12 + 2
    assert names[0] == "layers.0.self_attn.in_proj_weight"
    expected = encoder.norm(encoder.layers[1](layer(x)))
    np.testing.assert_allclose(encoder(x).detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    encoder(x).square().sum().backward()
    assert layer.linear1.weight.grad is None
    assert not torch.equal(encoder.layers[0].linear1.weight.grad, encoder.layers[1].linear1.weight.grad)


def test_attention_is_causal_where_it_is_told_so() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, 5, 3) for _ in range(3))
    seen = torch.ones(5, 5).tril().bool()
    masked = F.scaled_dot_product_attention(q, k, v, seen)
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q, k, v, is_causal=True).numpy(), masked.numpy(), atol=1e-6
    )
    np.testing.assert_allclose(masked[:, :, 0].numpy(), v[:, :, 0].numpy(), rtol=1e-6)


def test_parameters_in_lists_and_dicts_are_found() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.many = nn.ParameterList([torch.ones(2), torch.zeros(3)])
            self.named = nn.ParameterDict({"scale": torch.ones(2)})
            self.named["shift"] = nn.Parameter(torch.zeros(2))

    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["many.0", "many.1", "named.scale", "named.shift"]
    assert (list(net.named), "scale" in net.named, len(net.named)) == (["scale", "shift"], True, 2)
    del net.named["scale"]
    assert list(net.state_dict()) == ["many.0", "many.1", "named.shift"]


X = torch.ones(2, 3, 4)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 2)(X), r"Conv2d takes \(n, 3, height, width\), and was given \(2, 3, 4\)"),
        (lambda: nn.Conv1d(3, 4, 2, padding_mode="mirror"), "padding_mode"),
        (lambda: nn.Conv1d(3, 4, 2, stride=2, padding="same"), "stride 1"),
        (lambda: nn.Conv1d(3, 4, 2, groups=2), "2 groups do not divide 3"),
        (lambda: nn.ConvTranspose1d(3, 4, 2, padding_mode="reflect"), "zeros only"),
        (lambda: nn.ConvTranspose1d(3, 4, 2, stride=2)(X, output_size=[20]), "between"),
        (lambda: nn.LSTM(5, 4)(X), r"LSTM takes \(steps, n, 5\)"),
        (lambda: nn.LSTM(5, 4, proj_size=2), "Linear"),
        (lambda: nn.GRU(4, 4)(X, torch.zeros(1, 2, 4)), r"begins with states \(1, 3, 4\)"),
        (lambda: nn.RNN(4, 4, nonlinearity="sigmoid"), "relu, tanh"),
        (lambda: nn.MultiheadAttention(4, 3), "heads do not divide"),
        (lambda: nn.MultiheadAttention(4, 2, add_zero_attn=True), "not supported"),
        (lambda: nn.MultiheadAttention(4, 2)(X, X, torch.ones(2, 3, 5)), "takes a value"),
        (lambda: nn.MultiheadAttention(4, 2)(X, X, X, is_causal=True), "generate_square_subsequent_mask"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), "gelu, relu"),
        (lambda: nn.Embedding(4, 2, padding_idx=4), "padding_idx=4"),
        (lambda: nn.Embedding(4, 2, max_norm=1.0)(torch.tensor([1])), "max_norm"),
        (lambda: nn.EmbeddingBag(4, 2)(torch.tensor([1])), "offsets"),
        (lambda: nn.GroupNorm(2, 3), "2 groups do not divide 3"),
        (lambda: nn.LayerNorm(3)(X), "normalized_shape"),
        (lambda: nn.InstanceNorm1d(3)(torch.ones(2, 3, 1)), "more than one value"),
        (lambda: nn.BatchNorm2d(3)(X), "BatchNorm2d takes 4 dimensions"),
        (lambda: nn.PReLU(2)(X), "num_parameters=3"),
        (lambda: nn.GLU(1)(X), "odd"),
        (lambda: nn.GELU("erf")(X), "none, tanh"),
        (lambda: nn.Softmax2d()(torch.ones(2, 3)), "Softmax2d takes"),
        (lambda: nn.Dropout(1.5)(X), "at least 0 and at most 1"),
        (lambda: nn.Upsample(scale_factor=2, mode="bilinear")(X), "2 axes of space"),
        (lambda: nn.Upsample(scale_factor=2, mode="cubic")(X), "bicubic"),
        (lambda: nn.PixelShuffle(2)(torch.ones(1, 3, 2, 2)), "multiple of 4"),
        (lambda: nn.Fold(4, 2)(X), "fold to"),
        (lambda: nn.AvgPool2d(2, divisor_override=3)(torch.ones(1, 1, 4, 4)), "divisor_override"),
        (lambda: nn.AdaptiveMaxPool1d(2, return_indices=True)(X), "return_indices"),
        (lambda: F.pad(X, (1, 1), "mirror"), "reflect"),
        (lambda: nn.ReLU(slope=1), "takes no slope; it takes inplace"),
        (lambda: nn.Threshold(1.0), "needs value="),
        (lambda: nn.SyncBatchNorm, "did you mean nn.BatchNorm"),
        (lambda: nn.LazyLinear(3).weight.sum(), "call the module on an input first"),
    ],
    ids=range(38),
)  # fmt: skip
def test_what_cannot_work_says_what_can(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError, TypeError), match=message):
        attempt()


def test_a_lazy_module_is_an_ordinary_one_after_its_first_input() -> None:
    network = nn.Sequential(nn.LazyConv1d(4, 2), nn.LazyBatchNorm1d(), nn.Flatten(), nn.LazyLinear(2))
    network(torch.ones(2, 3, 4))
    assert [type(m) for m in network] == [nn.Conv1d, nn.BatchNorm1d, nn.Flatten, nn.Linear]
    assert network[0].get_config() == {"out_channels": 4, "kernel_size": 2, "in_channels": 3}
    assert isinstance(nn.LazyLinear(2), nn.Linear)


@pytest.mark.parametrize("module", [nn.Embedding(5, 2), nn.EmbeddingBag(5, 2)], ids=repr)
@pytest.mark.parametrize("wrong", [5, 99, -1])
def test_a_number_without_a_row_is_told(module: Any, wrong: int) -> None:
    """PyTorch 2.13: IndexError, index out of range in self."""
    with pytest.raises(caviar.errors.BoundsError, match=rf"row {wrong} at \(1, 0\).*0\.\.4"):
        module(torch.tensor([[0, 4], [wrong, 1]]))
    with pytest.raises(caviar.errors.BoundsError, match=rf"row {wrong} at \(1, 0\).*0\.\.4"):
        module(torch.tensor([[0, 4], [wrong, 1]]) + 0)
    nothing = (torch.zeros(1, requires_grad=True) * 0).detach().long()
    computed = module(torch.tensor([[0, 4], [wrong, 1]]) + nothing)  # known to the program alone
    assert np.isnan(computed.detach().numpy()[1]).any()
    assert not np.isnan(computed.detach().numpy()[0]).any()
