from pathlib import Path

import pandas as pd

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS, load_results, measure
from robustkd.evaluations.predictions import PredictionCache
from robustkd.evaluations.tidy import COLUMNS
from robustkd.models import ModelPool


def test_results_of_before_a_column_was_added_load_with_that_column_empty(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    measured = measure(EVALUATIONS["generalization"](), pool, data, PredictionCache(data), tmp_path)
    written = tmp_path / "generalization.csv"
    pd.read_csv(written).drop(columns=["part", "strength", "p_holm"]).to_csv(written, index=False)

    (loaded,) = load_results(tmp_path)

    assert list(loaded.frame) == list(COLUMNS)
    pd.testing.assert_frame_equal(loaded.frame, measured.frame)
