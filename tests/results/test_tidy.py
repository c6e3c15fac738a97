from robustkd.results.metric import Metric
from robustkd.results.tidy import COLUMNS, network_row, tidy

from ..conftest import members


def test_results_have_the_columns_of_the_contract_for_any_rows() -> None:
    (member,) = (row for _, row in members(("student", "at", "small", None)).iterrows())

    frame = tidy([network_row(member, Metric("accuracy", "Accuracy", "fraction", True, "")) | {"value": 0.5}])

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert frame["value"].tolist() == [0.5]
    assert frame["seed"].isna().all()


def test_rounding_errors_around_zero_become_zero() -> None:
    frame = tidy([{"metric": "gain", "value": -1e-17, "ci_low": -0.0, "ci_high": 1e-13, "p_value": 1e-20}])

    assert [str(number) for number in frame[["value", "ci_low", "ci_high"]].iloc[0]] == ["0.0", "0.0", "0.0"]
    assert frame["p_value"].iloc[0] == 1e-20
