"""Runs in experiment trackers."""

from pathlib import Path

import pytest

from robustkd.errors import RobustKDError
from robustkd.reporting.run import Run
from robustkd.reporting.tracking import log_to_mlflow, log_to_tensorboard, scalars_of
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy


@pytest.fixture
def run(tmp_path: Path) -> Run:
    rows = [
        {
            "level": level, "member": f"{method}{suffix}", "role": "student", "method": method, "architecture": "net",
            "condition": "clean", "metric": "accuracy", "value": value, "group": "", "n_seeds": 1,
        }
        for method, value in {"at": 0.75, "κ<b>|": 0.5, "void": 0.1}.items()
        for level, suffix in (("method", ""), ("network", "-0"))
    ]  # fmt: skip
    failed = Check("better than chance", False, "", "void-0")
    result = Result("generalization", tidy(rows), (failed,), {"options": {}})
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("the page")
    provenance = {"name": "study", "data": {"name": "digits"}, "versions": {}}
    return Run(tmp_path, provenance, (result,), {"generalization": trust_in(result, [result])}, {})


def test_the_scalars_are_the_numbers_that_can_be_trusted_by_names_that_trackers_accept(run: Run) -> None:
    assert scalars_of(run) == {"at/generalization/accuracy": 0.75, "__b__/generalization/accuracy": 0.5}


def test_mlflow_gets_the_numbers_the_facts_and_the_page(run: Run, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic", reason="the database of MLflow")
    uri = f"sqlite:///{tmp_path / 'tracking.db'}"
    mlflow.MlflowClient(uri).create_experiment("robustkd", artifact_location=(tmp_path / "artifacts").as_uri())

    logged = mlflow.MlflowClient(uri).get_run(log_to_mlflow(run, uri))

    assert logged.data.metrics == scalars_of(run)
    assert logged.data.params["data"] == "digits"
    assert [page.read_text() for page in (tmp_path / "artifacts").rglob("index.html")] == ["the page"]


def test_a_place_that_mlflow_cannot_write_to_is_refused_in_one_line(run: Run) -> None:
    pytest.importorskip("mlflow")

    with pytest.raises(RobustKDError, match="--mlflow nonsense://") as refused:
        log_to_mlflow(run, "nonsense://place")
    assert "\n" not in str(refused.value)


def test_tensorboard_gets_the_numbers(run: Run, tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")

    assert log_to_tensorboard(run, tmp_path / "events") == 2

    (file,) = (tmp_path / "events").iterdir()
    events = [value for event in loader.EventFileLoader(str(file)).Load() for value in event.summary.value]
    assert sorted(event.tag for event in events) == sorted(scalars_of(run))
