"""Table 2 of Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023, arXiv 2205.16004).

Its other tables are about ImageNet, VLCS, PACS and MNIST in settings that no study file repeats.
"""

from collections.abc import Mapping
from typing import Any

from robustkd.published import load_published
from robustkd.reporting.published.paper_table import PaperCell, PaperTable

METHODS: Mapping[str, str] = {"Ind": "baseline", "KL": "hinton", "Hint": "hint", "CRD": "crd"}
"""The paper's names of the methods, and robustkd's."""

STATED: Mapping[str, Mapping[str, Any]] = {
    "KL": {"kd_weight": 0.9, "temperature": 4.0},
    "Hint": {"hint_weight": 100.0},
    "CRD": {"crd_weight": 0.8},
}
"""The weights of the code that the paper builds on."""

PAIRS: Mapping[str, tuple[str, str, float]] = {
    "WRN-40-2->ShuffleNetV1": ("cifar_wrn_40_2", "cifar_shufflenetv1", 0.01),
    "VGG-13->VGG-8": ("cifar_vgg13", "cifar_vgg8", 0.05),
}
"""The paper's pairs, each with robustkd's teacher and student, and the learning rate; its ResNet-50 has no namesake."""


def tables() -> tuple[PaperTable, ...]:
    """Return Table 2."""
    published = load_published("ojha2023_tables")
    rows = published[(published["table"] == "2") & published["condition"].isin(list(PAIRS))]
    cells = []
    for _, row in rows.iterrows():
        teacher, student, rate = PAIRS[row["condition"]]
        cells.append(
            PaperCell(
                setting=row["condition"].replace("->", " to "),
                name=row["method"],
                mean=float(row["mean"]),
                method=METHODS[row["method"]],
                students=(student,),
                teachers=() if row["method"] == "Ind" else (teacher,),
                stated={**STATED.get(row["method"], {}), "learning_rate": rate},
            )
        )
    table = PaperTable(
        paper="ojha2023",
        cited="Ojha et al. 2023",
        place="Table 2",
        title="Fooled by the attack on the teacher",
        rows="method",
        cells=tuple(cells),
        data="cifar100",
        train_images=50_000,
        test_images=10_000,
        evaluation="adversarial_inheritance",
        metric="fooling_rate",
        title_of_metric="fooling rate",
        recipe={"epochs": 240, "batch_size": 64, "schedule": "step"},
        gain_metric="fooling_rate_excess",
        difference="difference to the baseline",
        differences="differences to the baseline",
        at_least=2,
        options={"images": 5000, "steps": 5},
    )
    return (table,)
