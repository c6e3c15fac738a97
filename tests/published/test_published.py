import pytest

from robustkd.errors import BadInputError
from robustkd.published import load_published, published_tables


def test_the_tables_of_the_four_papers_are_there() -> None:
    papers = {name.split("_")[0] for name in published_tables()}

    assert papers >= {"claims", "sarfraz2020", "ruffy2019", "stanton2021", "ojha2023"}


def test_a_published_cell_is_found() -> None:
    table = load_published("sarfraz2020_table3_cifar10")

    cell = table[(table["method"] == "Hinton") & (table["student"] == "WRN-16-2")]
    assert (cell["mean"].item(), cell["std"].item()) == (94.28, 0.09)


def test_there_are_thirty_three_claims() -> None:
    assert len(load_published("claims")) == 33


def test_an_unknown_table_offers_the_nearest() -> None:
    with pytest.raises(BadInputError, match="did you mean claims"):
        load_published("claim")
