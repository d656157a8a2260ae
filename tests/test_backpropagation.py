"""The lecture notes' worked examples of backpropagation, by the graph and its gradients, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import fact

from caviar import ops
from caviar.graph import Variable, fetch, gradients
from caviar.optimizers import SGD

pytestmark = pytest.mark.usefixtures("float64")


def variables(inputs: dict[str, Any], *names: str) -> dict[str, Variable]:
    return {name: Variable(float(inputs[name]), name=name) for name in names}


def close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


# -- 2-2-1, sigmoids, no biases, learning rate 1 (seed 001) ------------------------------------------------------

WEIGHTS = ("w13", "w23", "w14", "w24", "w35", "w45")


def forward(w: dict[str, Variable], inputs: dict[str, Any]) -> dict[str, Any]:
    a1 = w["w13"] * inputs["x1"] + w["w23"] * inputs["x2"]
    a2 = w["w14"] * inputs["x1"] + w["w24"] * inputs["x2"]
    y3, y4 = ops.sigmoid(a1), ops.sigmoid(a2)
    a3 = w["w35"] * y3 + w["w45"] * y4
    y5 = ops.sigmoid(a3)
    return {"a1": a1, "a2": a2, "y3": y3, "y4": y4, "a3": a3, "y5": y5, "error": inputs["target"] - y5}


def error_of(w: dict[str, Variable], inputs: dict[str, Any]) -> Any:
    return 0.5 * forward(w, inputs)["error"] ** 2


def test_forward_propagation() -> None:
    case = fact("bp001.forward")
    found = fetch(forward(variables(case["inputs"], *WEIGHTS), case["inputs"]))
    for name, value in found.items():
        close(value, case["expected"][name])


def test_gradients_are_the_notes_weight_changes_with_the_sign_turned() -> None:
    case, changes = fact("bp001.gradients"), fact("bp001.weight_changes")["expected"]
    w = variables(case["inputs"], *WEIGHTS)
    error = error_of(w, case["inputs"])
    close(fetch(error), case["expected"]["E"])
    for name, gradient in zip(WEIGHTS, gradients(error, list(w.values())), strict=True):
        close(gradient, case["expected"][f"dE_d{name}"])
        close(-gradient, changes[name.replace("w", "D")])


def test_deltas_are_gradients_at_the_sums() -> None:
    case = fact("bp001.deltas")
    nets = {name: Variable(0.0) for name in ("d3", "d4", "d5")}
    i = case["inputs"]
    y3 = ops.sigmoid(i["w13"] * i["x1"] + i["w23"] * i["x2"] + nets["d3"])
    y4 = ops.sigmoid(i["w14"] * i["x1"] + i["w24"] * i["x2"] + nets["d4"])
    y5 = ops.sigmoid(i["w35"] * y3 + i["w45"] * y4 + nets["d5"])
    found = gradients(0.5 * (i["target"] - y5) ** 2, list(nets.values()))
    for name, gradient in zip(nets, found, strict=True):
        close(-gradient, case["expected"][name])


def test_one_step_of_descent_and_the_next_forward_pass() -> None:
    case, second = fact("bp001.new_weights"), fact("bp001.second_forward")
    w = variables(case["inputs"], *WEIGHTS)
    found = gradients(error_of(w, case["inputs"]), list(w.values()))
    SGD(case["inputs"]["lr"]).apply_gradients(zip(found, w.values(), strict=True))
    for name, value in case["expected"].items():
        close(w[name].numpy(), value)
    for name, value in fetch(forward(w, case["inputs"])).items():
        close(value, second["expected"][name])


# -- two outputs (seed 000): from the printed hidden outputs -------------------------------------------------------


def test_an_output_neuron() -> None:
    for name, (a, b), out in (("bp000.o1", ("w5", "w6"), "o1"), ("bp000.o2", ("w7", "w8"), "o2")):
        case = fact(name)
        i, w = case["inputs"], variables(case["inputs"], a, b)
        net = i["fj1"] * w[a] + i["fj2"] * w[b] + i["b2"]
        close(fetch([net, ops.sigmoid(net)]), [case["expected"][out], case["expected"][f"f_{out}"]])


def test_its_delta_and_updates_at_full_precision() -> None:
    case, delta = fact("bp000.updates_correct"), fact("bp000.delta_o2_full")
    i, w, shift = case["inputs"], variables(case["inputs"], "w7", "w8"), Variable(0.0)
    out = ops.sigmoid(i["fj1"] * w["w7"] + i["fj2"] * w["w8"] + i["b2"] + shift)
    close(fetch(out), delta["expected"]["f_o2"])
    change, *found = gradients(0.5 * (i["target"] - out) ** 2, [shift, *w.values()])
    close(change, delta["expected"]["delta_o2"])
    SGD(i["lr"]).apply_gradients(zip(found, w.values(), strict=True))
    close([w["w7"].numpy(), w["w8"].numpy()], [case["expected"]["w7_new"], case["expected"]["w8_new"]])


# -- 2-2-1, linear hidden units, a ReLU at the end (seed 003) ------------------------------------------------------


def test_the_relu_network_and_the_gradients_of_both_layers() -> None:
    case, first = fact("bp003.all"), fact("bp003.first_layer")["expected"]
    i = case["inputs"]
    w = variables(i, *(f"w{n}" for n in range(1, 7)))
    y1, y2 = w["w1"] * i["x1"] + w["w2"] * i["x2"], w["w3"] * i["x1"] + w["w4"] * i["x2"]
    z = w["w5"] * y1 + w["w6"] * y2
    y_hat = ops.relu(z)
    loss = 0.5 * (i["y"] - y_hat) ** 2
    expected = case["expected"]
    close(fetch([y1, y2, z, y_hat, loss]), [expected[n] for n in ("y1", "y2", "z", "y_hat", "loss")])
    for name, gradient in zip(w, gradients(loss, list(w.values())), strict=True):
        close(gradient, {**expected, **first}[f"dL_d{name}"])


def test_without_activations_any_depth_is_one_linear_function() -> None:
    case = fact("net.linear_collapse")
    w, (x1, x2), i = case["inputs"]["w"], map(Variable, case["inputs"]["x"]), case["inputs"]
    y3 = w[4] * (w[0] * x1 + w[1] * x2 + i["b1"]) + w[5] * (w[2] * x1 + w[3] * x2 + i["b1"]) + i["b2"]
    close(fetch(y3), case["expected"]["y3"])
    slope = gradients(y3, [x1, x2])
    close(slope, case["expected"]["A"])
    close(fetch(y3) - np.dot(slope, i["x"]), case["expected"]["c"])
