"""The benchmarks: what a record says, and that the README says the same."""

import re
import time
from pathlib import Path

import pytest
from benchmarks import readme, record, worker
from benchmarks.contenders import CONTENDERS
from benchmarks.rows import ROWS

ROOT = Path(__file__).parent.parent
TABLE = re.compile(r"<!-- python -m benchmarks\.readme (\S+) -->\n(.*?)\n<!-- end -->", re.DOTALL)


def measured(step, rounds=2):
    return dict.fromkeys(record.FIGURES, [step] * rounds) | {"loss": [0.5] * rounds}


RESULT = {
    "rounds": {"caviar": [2.0, 2.0], "keras-jax": [4.0, 4.0], "torch-compile": [1.0]},
    "figures": {"caviar": measured(2.0), "keras-jax": measured(4.0), "torch-compile": measured(1.0, 1)},
    "notes": {},
    "failed": {"torch": "no answer"},
    "load": [0.1, 0.2],
    "took_s": 3.0,
}
ABOUT = {"date": "2026-11-22T00:00:00", "processor": "one", "cores": "2 of 2", "commit": "abc", "rounds": 2}


def test_the_readme_has_the_table_of_the_record_that_it_names():
    found = TABLE.findall((ROOT / "README.md").read_text())
    assert found
    for name, table in found:
        assert table == readme.table(record.read(ROOT / name)[1])


def test_a_cell_has_caviar_and_the_best_of_each_other():
    line = readme.table({"lstm": RESULT}).splitlines()[-1]
    assert line.startswith("| LSTM 64, 100 steps | 2 / 4 / 1 s |")
    alone = {"figures": {"caviar": measured(0.0021), "keras-jax": measured(0.0305)}}
    assert "| **2.1** / 30 ms |" in readme.table({"gru": alone})


def test_a_record_says_where_caviar_loses_and_who_failed():
    text = record.table(ROWS["lstm"], RESULT)
    assert "caviar takes 2.00 (2.00 - 2.00) of torch-compile's, and is BEHIND it" in text
    assert "| torch | failed: no answer |" in text
    assert record.losses({"lstm": RESULT})[0].startswith("- lstm, ")


def test_a_record_goes_on_where_one_of_its_name_ended(tmp_path):
    path, about, rows = record.begun(tmp_path, "Two cores", ABOUT)
    assert path.name == "2026-11-22-two-cores.md"
    assert not rows
    record.write(path, about, {"lstm": dict(RESULT)})
    later = ABOUT | {"date": "2026-11-23T00:00:00"}
    again, about, rows = record.begun(tmp_path, "Two cores", later)
    assert (again, about["date"], list(rows)) == (path, ABOUT["date"], ["lstm"])
    assert rows["lstm"]["figures"] == RESULT["figures"]
    record.write(again, about, rows)
    assert record.begun(tmp_path, None, later)[2] == {}, "without a name all is measured anew"


def test_every_network_is_measured_against_everybody():
    networks = [row for row in ROWS.values() if row.kind == "whole"]
    assert set(readme.BRIEFLY) == {row.name for row in networks}
    everybody = {"caviar", "keras-jax", "keras-jax-epoch", "keras-tf", "keras-tf-epoch", "keras-torch"}
    assert all(everybody | {"torch", "torch-compile"} <= set(row.contenders) <= set(CONTENDERS) for row in networks)


@pytest.mark.parametrize(("seconds", "calls"), [(10.0, 6), (0.0, 4)])
def test_who_answers_slowly_is_asked_less_often(seconds, calls):
    asked = []
    assert worker._asked(lambda rows: asked.append(time.sleep(0.001)), None, 5, seconds) >= 0.001
    assert len(asked) == calls
