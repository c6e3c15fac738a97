"""Tables 2 to 4 of Ruffy, Chahal, *The State of Knowledge Distillation for Classification* (arXiv 1912.10850)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from robustkd.published import load_published
from robustkd.reporting.published.paper_table import PaperCell, PaperTable

METHODS: Mapping[str, str] = {
    "NOKD": "baseline",
    "KD": "hinton",
    "TAKD": "takd",
    "UDA": "uda",
    "MKD": "mkd",
    "RKD": "rkd_da",
    "SFD": "sfd",
    "OH": "overhaul",
    "UDA-NOKD": "uda_alone",
}
"""The paper's names of the methods, and robustkd's; STL, which the paper does not describe, is left out."""

STATED: Mapping[str, Mapping[str, Any]] = {
    "KD": {"kd_weight": 0.5, "temperature": 5.0},
    "TAKD": {"assistant": "cifar_resnet20_ruffy2019"},
    "UDA": {"kd_weight": 0.5, "temperature": 5.0},
    "MKD": {"teacher": ["cifar_resnet26_ruffy2019", "cifar_wrn_22_4"]},
    "RKD": {"variant": "ruffy2019"},
    "SFD": {"variant": "ruffy2019"},
}
"""What the paper or its code states for a method."""

NETWORKS: Mapping[str, str] = {
    "ResNet8": "cifar_resnet8_ruffy2019",
    "ResNet20": "cifar_resnet20_ruffy2019",
    "ResNet26": "cifar_resnet26_ruffy2019",
    "ResNet18": "cifar_resnet18",
    "WRN10-1": "cifar_wrn_10_1",
    "WRN16-4": "cifar_wrn_16_4",
}
"""The paper's names of the networks, and robustkd's."""

_STUDENT = (NETWORKS["ResNet8"],)

_SELECTION = "The paper has one training of each method, and reports its best epoch on the test set."


def tables() -> tuple[PaperTable, ...]:
    """Return Tables 2, 3 and 4, of which a run repeats one."""
    published = load_published("ruffy2019_tables")
    students = published[(published["table"] == 2) & (published["metric"] == "student_accuracy_pct")]
    by_teacher = tuple(
        PaperCell(
            setting="ResNet8 taught by KD",
            name=row["teacher"],
            mean=float(row["value"]),
            trainings=1,
            method="hinton",
            students=_STUDENT,
            teachers=(NETWORKS[row["teacher"]],),
            stated=STATED["KD"],
        )
        for _, row in students.iterrows()
    )
    return (
        _table("Table 2", "A student of teachers of different size", "teacher", by_teacher, 200, teacher_tells=True),
        _table("Table 3", "Methods with 200 epochs", "method", _methods(published, 3), 200),
        _table("Table 4", "Methods with 350 epochs", "method", _methods(published, 4), 350),
    )


def _methods(published: pd.DataFrame, table: int) -> tuple[PaperCell, ...]:
    rows = published[(published["table"] == table) & published["method"].isin(list(METHODS))]
    without = ("NOKD", "UDA-NOKD")
    return tuple(
        PaperCell(
            setting="ResNet26 to ResNet8",
            name=row["method"],
            mean=float(row["value"]),
            trainings=1,
            method=METHODS[row["method"]],
            students=_STUDENT,
            teachers=() if row["method"] in without else (NETWORKS["ResNet26"],),
            stated=STATED.get(row["method"], {}),
        )
        for _, row in rows.iterrows()
    )


def _table(
    place: str, title: str, rows: str, cells: tuple[PaperCell, ...], epochs: int, teacher_tells: bool = False
) -> PaperTable:
    return PaperTable(
        paper="ruffy2019",
        cited="Ruffy and Chahal 2019",
        place=place,
        title=title,
        rows=rows,
        cells=cells,
        data="cifar10",
        train_images=50_000,
        test_images=10_000,
        evaluation="generalization",
        metric="accuracy",
        title_of_metric="accuracy",
        gain_metric="accuracy_gain",
        recipe={"epochs": epochs, "batch_size": 128, "learning_rate": 0.1, "schedule": "step", "nesterov": True},
        teacher_tells=teacher_tells,
        family="ruffy2019",
        at_least=2,
        remarks=(_SELECTION,),
    )
