"""Cells of Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021, arXiv 2106.05945).

Its CKA is computed otherwise than from features, and is left out; so are IMDB, ImageNet and what stands only in words.
"""

from collections.abc import Mapping
from typing import Any

from robustkd.published import load_published
from robustkd.reporting.published.paper_table import PaperCell, PaperTable

NETWORKS: Mapping[str, str] = {
    "ResNet-20": "cifar_preact_resnet20",
    "ResNet-20 LayerNorm": "cifar_preact_resnet20_ln",
    "ResNet-56": "cifar_preact_resnet56",
}
"""The paper's names of the networks, and robustkd's."""

INITIALISATIONS: Mapping[str, str] = {"random init": "random", "teacher initial weights": "shared"}
"""The initial weights of the students of Table 1, and robustkd's names."""

_KD = {"kd_weight": 1.0, "variant": "original"}

_RECIPE = {"epochs": 300, "batch_size": 128, "learning_rate": 0.05, "schedule": "cosine", "nesterov": True}


def tables() -> tuple[PaperTable, ...]:
    """Return Table 1, Figure 9 and the numbers of sections 5.1 and 6.2."""
    kl = {"metric": "kl", "title_of_metric": "KL divergence from the teacher", "unit": "nats"}
    agreement = {"metric": "agreement", "title_of_metric": "agreement with the teacher"}
    accuracy = {"evaluation": "generalization", "metric": "accuracy", "title_of_metric": "accuracy"}
    half = {"train_images": 25_000, "teacher_tells": True}
    ocr = (
        "The published numbers are read from the labels of a heat map; the size of the part of CIFAR-100 is assumed.",
    )
    train = {"metric": "agreement_train", "title_of_metric": "agreement with the teacher on training images"}
    table1, figure9, mixup = "Self-distillation from two kinds of initial weights", "Temperature and ensemble", "MixUp"
    return (
        _table("Table 1", table1, _initialisations("agreement_pct"), **agreement),
        _table("Table 1", table1, _initialisations("predictive_kl"), **kl),
        _table("Figure 9", figure9, _temperatures("test_accuracy_pct"), remarks=ocr, **accuracy, **half),
        _table("Figure 9", figure9, _temperatures("test_agreement_pct"), remarks=ocr, **agreement, **half),
        _table("Section 5.1", mixup, _mixup(), teacher_tells=True, **agreement),
        _table("Section 6.2", "Longer training", _longer(), **train),
    )


def _initialisations(metric: str) -> tuple[PaperCell, ...]:
    published = load_published("stanton2021_tables")
    rows = published[(published["metric"] == metric) & published["condition"].isin(list(INITIALISATIONS))]
    network = (NETWORKS["ResNet-20"],)
    return tuple(
        PaperCell(
            setting="ResNet-20",
            name=row["condition"],
            mean=float(row["mean"]),
            std=float(row["std"]),
            trainings=int(row["n_trials"]),
            method="hinton",
            students=network,
            teachers=network,
            required={**_KD, "temperature": 4.0, "init": INITIALISATIONS[row["condition"]]},
        )
        for _, row in rows.iterrows()
    )


def _temperatures(metric: str) -> tuple[PaperCell, ...]:
    published = load_published("stanton2021_tables")
    rows = published[(published["table"] == "figure-9") & (published["metric"] == metric)]
    cells = []
    for _, row in rows.iterrows():
        members, temperature = (int(part.split("=")[1]) for part in row["condition"].split())
        network = NETWORKS["ResNet-20"]
        teacher = network if members == 1 else f"ensemble of {members} {network}"
        name = f"{members} teacher{'' if members == 1 else 's'}, temperature {temperature}"
        required = {**_KD, "temperature": float(temperature), "init": "random"}
        cells.append(
            PaperCell(
                "ResNet-20", name, float(row["mean"]), "hinton", (network,), teachers=(teacher,), required=required
            )
        )
    return tuple(cells)


def _mixup() -> tuple[PaperCell, ...]:
    network = NETWORKS["ResNet-56"]
    mixing = {"MixUp tau=4": "mixup", "Baseline augmentation tau=4": "none"}
    return tuple(
        PaperCell(
            "five ResNet-56 to ResNet-56",
            name.removesuffix(" tau=4"),
            _alone("text-5.1", name),
            "hinton",
            (network,),
            teachers=(f"ensemble of 5 {network}",),
            required={**_KD, "temperature": 4.0, "mixing": mixing[name]},
            stated={"mixing": mixing[name]},
        )
        for name in mixing
    )


def _longer() -> tuple[PaperCell, ...]:
    network = (NETWORKS["ResNet-20 LayerNorm"],)
    return tuple(
        PaperCell(
            "ResNet-20 with layer normalisation",
            f"{epochs:,} epochs",
            _alone("text-6.2", f"SGD {epochs} epochs"),
            "hinton",
            network,
            teachers=network,
            required={**_KD, "optimiser": "sgd", "epochs": epochs},
            stated={"epochs": epochs},
        )
        for epochs in (300, 5000)
    )


def _alone(table: str, condition: str) -> float:
    published = load_published("stanton2021_tables")
    return float(published[(published["table"] == table) & (published["condition"] == condition)]["mean"].item())


def _table(place: str, title: str, cells: tuple[PaperCell, ...], **own: Any) -> PaperTable:
    shared: dict[str, Any] = {
        "paper": "stanton2021",
        "cited": "Stanton et al. 2021",
        "rows": "setting",
        "data": "cifar100",
        "train_images": 50_000,
        "test_images": 10_000,
        "evaluation": "fidelity",
        "recipe": _RECIPE,
        "at_least": 2,
    }
    return PaperTable(place=place, title=title, cells=cells, **{**shared, **own})
