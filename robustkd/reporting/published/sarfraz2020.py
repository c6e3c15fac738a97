"""Tables III to VI of Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922)."""

from collections.abc import Mapping
from typing import Any

from robustkd.published import load_published
from robustkd.reporting.published.paper_table import PaperCell, PaperTable

METHODS: Mapping[str, str] = {
    "Baseline": "baseline",
    "Hinton": "hinton",
    "BSS": "bss",
    "FitNet": "fitnet",
    "FSP": "fsp",
    "AT": "at",
    "SP": "sp",
    "RKD-D": "rkd_d",
    "RKD-A": "rkd_a",
    "RKD-DA": "rkd_da",
    "ONE": "one",
    "DML": "dml",
}
"""The paper's names of the methods, and robustkd's."""

STATED: Mapping[str, Mapping[str, Any]] = {
    "Hinton": {"kd_weight": 0.9, "temperature": 4.0},
    "BSS": {"temperature": 4.0, "attack_size": 32, "attack_steps": 10},
    "FitNet": {"hint_block": 2, "kd_weight": 0.9, "temperature": 4.0},
    "FSP": {"flow_weights": [1.0, 3.0, 1.0], "kd_weight": 0.9, "temperature": 4.0},
    "AT": {"at_weight": 1000.0},
    "SP": {"sp_weight": 3000.0},
    "RKD-D": {"distance_weight": 25.0},
    "RKD-A": {"angle_weight": 50.0},
    "RKD-DA": {"distance_weight": 25.0, "angle_weight": 50.0},
    "ONE": {"temperature": 3.0},
    "DML": {"temperature": 4.0, "peers": 2},
}
"""The weights of Table I."""

WIDE = {f"WRN-{depth}-2": f"cifar_wrn_{depth}_2" for depth in (10, 16, 28, 40)}

NETWORKS: Mapping[str, Mapping[str, str]] = {
    "cifar10": {f"ResNet-{depth}": f"cifar_resnet{depth}" for depth in (8, 14, 20, 26)} | WIDE,
    "cifar100": {f"ResNet-{depth}": f"cifar_resnet{depth}x4" for depth in (8, 14, 20, 26)} | WIDE,
}
"""The paper's names of the networks, and robustkd's, for each data set."""

CONDITIONS: Mapping[str, str] = {
    "default": "clean",
    "sigma=0": "clean",
    "sigma=0.2": "label noise 20%",
    "sigma=0.4": "label noise 40%",
    "sigma=0.6": "label noise 60%",
    "gamma=0.20": "imbalance γ=0.2",
    "gamma=0.60": "imbalance γ=0.6",
    "gamma=1": "imbalance γ=1",
    "gamma=2": "imbalance γ=2",
}
"""The paper's conditions, and robustkd's labels."""

RECIPE: Mapping[str, Any] = {
    "epochs": 200,
    "batch_size": 128,
    "optimiser": "sgd",
    "learning_rate": 0.1,
    "schedule": "step",
}
"""The recipe of section III, as far as the paper states it."""

_SELECTION = (
    "The paper chooses its teacher, the better network of DML and the branch of ONE by their accuracy on the test set."
)


def tables() -> tuple[PaperTable, ...]:
    """Return Tables III to VI."""
    own = tuple(NETWORKS["cifar10"].values())
    return (
        _table("table3_cifar10", "Table III", "Accuracy on CIFAR-10", "cifar10"),
        _table(
            "table4_cifar100",
            "Table IV",
            "Accuracy on CIFAR-100",
            "cifar100",
            remark="The published accuracies fit ResNets four times as wide as the paper's text says.",
        ),
        _table("table5_label_noise", "Table V", "Accuracy under label noise", "cifar10", own),
        _table(
            "table6_imbalance",
            "Table VI",
            "Accuracy under class imbalance",
            "cifar10",
            own,
            "The paper names only the teacher of this table; a WRN-16-2 student is assumed.",
        ),
    )


def _table(
    name: str, place: str, title: str, data: str, stand_ins: tuple[str, ...] = (), remark: str = ""
) -> PaperTable:
    published = load_published(f"sarfraz2020_{name}")
    networks = NETWORKS[data]
    cells = tuple(
        PaperCell(
            setting=_setting(row["student"], row["condition"]),
            name=row["method"],
            mean=float(row["mean"]),
            std=float(row["std"]),
            trainings=int(row["n_seeds"]),
            method=METHODS[row["method"]],
            students=(networks[row["student"]],),
            teachers=(networks[row["teacher"]],) if row["teacher"] in networks else (),
            condition=CONDITIONS[row["condition"]],
            stated=STATED.get(row["method"], {}),
            repeated=row["condition"] == "sigma=0",
        )
        for _, row in published.iterrows()
    )
    return PaperTable(
        paper="sarfraz2020",
        cited="Sarfraz et al. 2020",
        place=place,
        title=title,
        rows="method",
        cells=cells,
        data=data,
        train_images=50_000,
        test_images=10_000,
        evaluation="generalization",
        metric="accuracy",
        title_of_metric="accuracy",
        gain_metric="accuracy_gain",
        recipe=RECIPE,
        stand_ins=stand_ins,
        remarks=tuple(filter(None, (_SELECTION, remark))),
    )


def _setting(student: str, condition: str) -> str:
    """The student, or the condition where all rows of a table have one student."""
    if condition == "default":
        return student
    label = CONDITIONS[condition]
    return "no label noise" if label == "clean" else label.replace("γ", "gamma ")
