"""The words of the papers and those of robustkd: every name of a mapping exists on both sides."""

from collections.abc import Mapping
from typing import Any

import pytest

from robustkd.data.conditions.class_imbalance import ClassImbalance
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.declarations import declared, network_names
from robustkd.evaluations import EVALUATIONS
from robustkd.published import load_published
from robustkd.reporting.published import ojha2023, ruffy2019, sarfraz2020, stanton2021
from robustkd.reporting.published.paper_table import PLAIN, PaperTable

TABLES = [table for paper in (sarfraz2020, ruffy2019, stanton2021, ojha2023) for table in paper.tables()]

EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.paper} {table.place} {table.metric}")


def options_of(method: str) -> dict[str, Any]:
    return {option.name: option.default for option in declared("method")[method].options}


@EACH_TABLE
def test_every_network_of_a_mapping_is_known(table: PaperTable) -> None:
    networks = {name for cell in table.cells for name in (*cell.students, *cell.teachers)} | set(table.stand_ins)

    alone = {name.rpartition(" ")[2] for name in networks}  # the last word of "ensemble of 3 cifar_preact_resnet20"

    assert alone <= set(network_names())


@EACH_TABLE
def test_every_method_of_a_mapping_is_known_and_has_the_options_that_are_compared(table: PaperTable) -> None:
    recipe = {*PLAIN, *table.recipe, "learning_rate", "epochs", "optimiser"}
    for cell in table.cells:
        own = {"teacher"} if cell.method == "mkd" else set()
        assert {*cell.required, *cell.stated} <= {*options_of(cell.method), *recipe, *own}


@EACH_TABLE
def test_evaluation_metric_and_options_of_a_table_exist(table: PaperTable) -> None:
    evaluation = EVALUATIONS[table.evaluation]()

    assert evaluation.metric(table.metric).unit == {"%": "fraction", "nats": "nats"}[table.unit]
    assert not table.gain_metric or evaluation.metric(table.gain_metric).difference_of == table.metric
    assert set(table.options) <= set(vars(evaluation.options))


@EACH_TABLE
def test_no_two_cells_of_a_setting_have_the_same_name(table: PaperTable) -> None:
    names = [(cell.setting, cell.name) for cell in table.cells]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("file", "column", "mapping"),
    [
        ("sarfraz2020_table3_cifar10", "method", sarfraz2020.METHODS),
        ("sarfraz2020_table4_cifar100", "method", sarfraz2020.METHODS),
        ("sarfraz2020_table5_label_noise", "method", sarfraz2020.METHODS),
        ("sarfraz2020_table6_imbalance", "method", sarfraz2020.METHODS),
        ("sarfraz2020_table3_cifar10", "student", sarfraz2020.NETWORKS["cifar10"]),
        ("sarfraz2020_table4_cifar100", "student", sarfraz2020.NETWORKS["cifar100"]),
        ("ruffy2019_tables", "method", ruffy2019.METHODS),
        ("stanton2021_tables", "condition", stanton2021.INITIALISATIONS),
        ("ojha2023_tables", "method", ojha2023.METHODS),
        ("ojha2023_tables", "condition", ojha2023.PAIRS),
    ],
)
def test_every_published_name_of_a_mapping_is_in_its_file(file: str, column: str, mapping: Mapping[str, Any]) -> None:
    assert set(mapping) <= set(load_published(file)[column])


def test_the_published_conditions_have_the_labels_of_robustkd() -> None:

    labels = {f"sigma={rate}": LabelNoise(rate=rate).label for rate in (0.2, 0.4, 0.6)}
    gammas = {"gamma=0.20": 0.2, "gamma=0.60": 0.6, "gamma=1": 1.0, "gamma=2": 2.0}
    labels |= {name: ClassImbalance(law="power_law", gamma=gamma).label for name, gamma in gammas.items()}

    assert labels.items() <= sarfraz2020.CONDITIONS.items()


def test_the_weights_of_sarfraz_are_the_defaults_of_its_methods() -> None:
    for name, stated in sarfraz2020.STATED.items():
        defaults = options_of(sarfraz2020.METHODS[name])
        known = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
        assert stated.items() <= known.items()


@pytest.mark.parametrize(
    ("paper", "place", "cells"),
    [
        ("sarfraz2020", "Table III", 96),
        ("sarfraz2020", "Table IV", 96),
        ("sarfraz2020", "Table V", 48),
        ("sarfraz2020", "Table VI", 48),
        ("ruffy2019", "Table 2", 6),
        ("ruffy2019", "Table 3", 8),  # nine methods, without STL
        ("ruffy2019", "Table 4", 5),
        ("stanton2021", "Table 1", 4),  # two initial weights, two metrics
        ("stanton2021", "Figure 9", 24),  # three ensembles, four temperatures, two metrics
        ("stanton2021", "Section 5.1", 2),
        ("stanton2021", "Section 6.2", 2),
        ("ojha2023", "Table 2", 8),  # two of three pairs, four methods
    ],
)
def test_a_table_has_all_its_cells(paper: str, place: str, cells: int) -> None:
    assert sum(len(table.cells) for table in TABLES if (table.paper, table.place) == (paper, place)) == cells
