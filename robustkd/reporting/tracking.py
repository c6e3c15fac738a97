"""The numbers and the page of a run in an experiment tracker: MLflow, or event files of TensorBoard."""

import re
from pathlib import Path

from robustkd.errors import RobustKDError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.run import Run
from robustkd.results.result import slices

NAME = re.compile(r"[^\w\-. :/]|(?<=/)/+", re.ASCII)
"""What the name of a metric may not hold in MLflow."""


def scalars_of(run: Run) -> dict[str, float]:
    """Return the summary metrics of a run's methods, by a name that trackers accept.

    Args:
        run: The run.

    Returns:
        By ``[part/]method/evaluation/metric``; numbers that a failed check voids are left out.
    """
    found: dict[str, float] = {}
    for result in run.results:
        evaluation = EVALUATIONS[result.evaluation]()
        for part in slices(result.frame):
            trusted, _ = run.trust[result.evaluation].withhold(part.frame, evaluation.metrics)
            level = "method" if (trusted["level"] == "method").any() else "network"
            rows = trusted[(trusted["level"] == level) & trusted["metric"].isin(evaluation.summary)]
            for _, row in rows[rows["value"].notna()].iterrows():
                path = "/".join(filter(None, (part.title, row["member"], result.evaluation, row["metric"])))
                found.setdefault(NAME.sub("_", path), float(row["value"]))
    return found


def log_to_mlflow(run: Run, uri: str, experiment: str = "robustkd") -> str:
    """Log the numbers, the facts and the report of a run to MLflow.

    Args:
        run: The run.
        uri: The tracking URI.
        experiment: The name of the experiment, which is created if it does not exist.

    Returns:
        The id of the run in MLflow.

    Raises:
        RobustKDError: MLflow is not installed, or the URI cannot be written to.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise RobustKDError("MLflow is not installed: pip install mlflow-skinny") from error
    try:
        client = MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(experiment)
        place = known.experiment_id if known is not None else client.create_experiment(experiment)
        logged = client.create_run(place, run_name=run.name).info.run_id
        for name, value in scalars_of(run).items():
            client.log_metric(logged, name, value)
        for name, fact in _facts(run).items():
            client.log_param(logged, name, fact)
        if (run.path / "report").is_dir():
            client.log_artifacts(logged, str(run.path / "report"), "report")
        client.set_terminated(logged)
    except MlflowException as error:
        raise RobustKDError(f"--mlflow {uri}: {(str(error).splitlines() or [''])[0]}") from error
    return str(logged)


def log_to_tensorboard(run: Run, folder: Path) -> int:
    """Write the numbers of a run as scalars for TensorBoard.

    Args:
        run: The run.
        folder: The folder of the event file.

    Returns:
        The number of scalars.

    Raises:
        RobustKDError: TensorBoard is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ModuleNotFoundError as error:
        raise RobustKDError("TensorBoard is not installed: pip install 'robustkd[tracking]'") from error
    scalars = scalars_of(run)
    writer = EventFileWriter(str(folder))
    for name, value in scalars.items():
        writer.add_event(Event(step=0, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)])))
    writer.close()
    return len(scalars)


def _facts(run: Run) -> dict[str, str]:
    data = run.provenance.get("data") or {}
    facts = {
        "data": data.get("name"),
        "test_images": data.get("test_images"),
        "device": run.provenance.get("device"),
        "git": run.provenance.get("git"),
        "robustkd": (run.provenance.get("versions") or {}).get("robustkd"),
    }
    return {name: str(fact) for name, fact in facts.items() if fact is not None}
