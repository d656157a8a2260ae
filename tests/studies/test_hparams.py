"""The HParams tab is held against TensorBoard's own plugin."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caviar.ranges import Choice, LogUniform, Uniform
from caviar.studies.hparams import write_hparams
from caviar.studies.tables import Dimension

PLUGIN = "tensorboard.plugins.hparams"
api, backend, metadata = (
    importlib.import_module(f"{PLUGIN}.{name}") for name in ("api_pb2", "backend_context", "metadata")
)
sessions = importlib.import_module(f"{PLUGIN}.list_session_groups")
provider = importlib.import_module("tensorboard.backend.event_processing.data_provider")
multiplexer = importlib.import_module("tensorboard.backend.event_processing.plugin_event_multiplexer")
base_plugin = importlib.import_module("tensorboard.plugins.base_plugin")
request_context = importlib.import_module("tensorboard.context")

DIMENSIONS = [
    Dimension("learning_rate", LogUniform(1e-4, 1)),
    Dimension("optimizer", Choice("adam", "sgd")),
    Dimension("nesterov", Choice(True, False)),
    Dimension("batch_size", Choice(8, 16, 32)),
    Dimension("momentum", Uniform(0, 1)),
]
ROWS: list[dict[str, Any]] = [
    {"trial": 0, "learning_rate": 0.01, "optimizer": "adam", "nesterov": None, "batch_size": 16, "momentum": None,
     "status": "finished", "epochs": 3, "val_loss": 0.25},
    {"trial": 7, "learning_rate": 0.5, "optimizer": "sgd", "nesterov": True, "batch_size": 32, "momentum": 0.9,
     "status": "diverged", "epochs": 2, "val_loss": float("nan")},
    {"trial": 12, "learning_rate": 0.001, "optimizer": "sgd", "nesterov": False, "batch_size": 8, "momentum": 0.5,
     "status": "running", "epochs": 1, "val_loss": 0.75},
]  # fmt: skip
CURVES = {
    0: {"loss": np.array([1.0, 0.5, 0.3]), "val_loss": np.array([1.25, 0.25, 0.5])},
    7: {"val_loss": np.array([2.0, np.nan])},
    12: {"val_loss": np.array([0.75])},
}


class Reader:
    """What TensorBoard's server knows of a folder."""

    def __init__(self, folder: Path):
        self.events = multiplexer.EventMultiplexer().AddRunsFromDirectory(str(folder))
        self.events.Reload()
        data = provider.MultiplexerDataProvider(self.events, str(folder))
        self.context = backend.Context(base_plugin.TBContext(data_provider=data))

    def experiment(self) -> Any:
        found = self.context.hparams_metadata(request_context.RequestContext(), "")
        return self.context.experiment_from_metadata(request_context.RequestContext(), "", True, found, None)

    def groups(self) -> dict[str, Any]:
        statuses = list(api.Status.values())
        asked = api.ListSessionGroupsRequest(allowed_statuses=statuses, start_index=0, slice_size=100)
        handler = sessions.Handler(request_context.RequestContext(), self.context, "", asked)
        return {group.name: group for group in handler.run().session_groups}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(write_hparams(tmp_path_factory.mktemp("study"), ROWS, CURVES, DIMENSIONS, "val_loss"))


def values(group: Any) -> dict[str, Any]:
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}


def test_the_experiment_lists_the_hyperparameters_with_their_values(reader: Reader) -> None:
    infos = {info.name: info for info in reader.experiment().hparam_infos}
    assert set(infos) == {dimension.name for dimension in DIMENSIONS}
    types = {name: api.DataType.Name(info.type).removeprefix("DATA_TYPE_") for name, info in infos.items()}
    assert types == {
        "learning_rate": "FLOAT64", "optimizer": "STRING", "nesterov": "BOOL", "batch_size": "FLOAT64", "momentum": "FLOAT64",
    }  # fmt: skip
    interval = infos["learning_rate"].domain_interval
    assert (interval.min_value, interval.max_value) == (0.001, 0.5)
    assert list(infos["optimizer"].domain_discrete) == ["adam", "sgd"]
    assert list(infos["nesterov"].domain_discrete) == [False, True]
    assert list(infos["batch_size"].domain_discrete) == [8, 16, 32]


def test_the_monitor_is_the_metric(reader: Reader) -> None:
    (metric,) = reader.experiment().metric_infos
    assert (metric.name.tag, metric.display_name) == ("trial/val_loss", "val_loss")


def test_a_session_has_the_hyperparameters_of_its_trial_without_the_inactive(reader: Reader) -> None:
    groups = reader.groups()
    assert set(groups) == {"trial 0", "trial 7", "trial 12"}
    for row in ROWS:
        active = {d.name: row[d.name] for d in DIMENSIONS if row[d.name] is not None}
        assert values(groups[f"trial {row['trial']}"]) == active


def test_a_session_has_its_value_its_epochs_and_its_outcome(reader: Reader) -> None:
    groups = reader.groups()
    shown = {
        name: [(m.value, m.training_step) for m in group.sessions[0].metric_values] for name, group in groups.items()
    }
    assert shown == {"trial 0": [(0.25, 3)], "trial 7": [], "trial 12": [(0.75, 1)]}
    outcomes = {name: api.Status.Name(group.sessions[0].status) for name, group in groups.items()}
    assert outcomes == {"trial 0": "STATUS_SUCCESS", "trial 7": "STATUS_FAILURE", "trial 12": "STATUS_RUNNING"}
    assert {group.sessions[0].name for group in groups.values()} == {"trial_0000", "trial_0007", "trial_0012"}


def test_the_messages_parse_as_plugin_data(reader: Reader) -> None:
    found = reader.context.hparams_metadata(request_context.RequestContext(), "")
    start = metadata.parse_session_start_info_plugin_data(found["trial_0007"][metadata.SESSION_START_INFO_TAG])
    end = metadata.parse_session_end_info_plugin_data(found["trial_0007"][metadata.SESSION_END_INFO_TAG])
    assert start.group_name == "trial 7"
    assert 0 < start.start_time_secs <= end.end_time_secs
    assert metadata.EXPERIMENT_TAG in found["."]


def test_the_curves_are_scalars(reader: Reader) -> None:
    points = [(e.step, e.tensor_proto.tensor_content) for e in reader.events.Tensors("trial_0000", "loss")]
    assert points == [(i, np.float32(v).tobytes()) for i, v in enumerate([1.0, 0.5, 0.3])]


def test_a_study_that_is_written_again_replaces_the_former(tmp_path: Path) -> None:
    write_hparams(tmp_path, ROWS, CURVES, DIMENSIONS, "val_loss")
    done = [{**row, "status": "finished", "epochs": 9, "val_loss": 0.125} for row in ROWS]
    write_hparams(tmp_path, done, CURVES, DIMENSIONS, "val_loss")
    group = Reader(tmp_path).groups()["trial 12"]
    assert [(m.value, m.training_step) for m in group.sessions[0].metric_values] == [(0.125, 9)]
    assert api.Status.Name(group.sessions[0].status) == "STATUS_SUCCESS"
    assert len(list(tmp_path.rglob("*tfevents*"))) == 4


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.mine").write_bytes(b"")
    write_hparams(tmp_path, ROWS, CURVES, DIMENSIONS, "val_loss")
    assert (tmp_path / "events.out.tfevents.1.mine").exists()


def test_choices_of_several_kinds_are_text(tmp_path: Path) -> None:
    class Adam:
        def __repr__(self) -> str:
            return "Adam(0.001)"

    rows = [
        {"trial": i, "optimizer": v, "status": "finished", "val_loss": 1.0} for i, v in enumerate(["sgd", Adam(), 3])
    ]
    reader = Reader(write_hparams(tmp_path, rows, {}, [Dimension("optimizer", Choice("sgd", Adam(), 3))], "val_loss"))
    assert {name: values(group)["optimizer"] for name, group in reader.groups().items()} == {
        "trial 0": "sgd", "trial 1": "Adam(0.001)", "trial 2": "3",
    }  # fmt: skip
    assert list(reader.experiment().hparam_infos[0].domain_discrete) == ["3", "Adam(0.001)", "sgd"]


def test_a_hyperparameter_that_no_trial_has_yet(tmp_path: Path) -> None:
    rows = [{"trial": 0, "learning_rate": None, "status": "waiting"}]
    reader = Reader(write_hparams(tmp_path, rows, {}, DIMENSIONS[:1], "val_loss"))
    assert values(reader.groups()["trial 0"]) == {}
