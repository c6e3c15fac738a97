"""`robustkd evaluate --data …` with each source of image files, as a user writes it."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import robustkd as rk
from robustkd.cli import main

NAMES = ("cat", "dog")


def png(seed: int) -> bytes:
    encoded = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).save(encoded, "PNG")
    return encoded.getvalue()


def table(place: Path) -> str:
    for index in range(4):
        (place / f"{index}.png").write_bytes(png(index))
    rows = [f"{index}.png,{NAMES[index % 2]},{'train' if index < 2 else 'test'}" for index in range(4)]
    (place / "labels.csv").write_text("\n".join(["photo,breed,split", *rows]) + "\n")
    return f"folder:{place}/labels.csv@file=photo@label=breed"


def imagefolder(place: Path) -> str:
    for index in range(4):
        (place / f"{index}.png").write_bytes(png(index))
    rows = [json.dumps({"file_name": f"{index}.png", "label": NAMES[index % 2]}) for index in range(4)]
    (place / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return f"folder:{place}"


def torchvision(place: Path) -> str:
    for part in ("train", "test"):
        for index, name in enumerate(NAMES):
            file = place / "country211" / part / name / "0.png"
            file.parent.mkdir(parents=True)
            file.write_bytes(png(index))
    return "torchvision/country211"


def hub(place: Path) -> str:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))})
    rows = {"image": [{"bytes": png(index), "path": None} for index in range(4)], "label": [0, 1, 0, 1]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(place / "pets"))
    return f"hf:{place}/pets"


def tar(place: Path) -> str:
    with tarfile.open(place / "pets.tar", "w") as archive:
        for index in range(4):
            for name, content in ((f"{index}.png", png(index)), (f"{index}.cls", NAMES[index % 2].encode())):
                about = tarfile.TarInfo(name)
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
    return f"webdataset:{place}/pets.tar"


@pytest.mark.parametrize("write", [table, imagefolder, torchvision, hub, tar])
def test_a_network_is_evaluated_on_it(
    write: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rk.save_model(rk.create_model("cifar_wrn_10_1", num_classes=2, seed=0), tmp_path / "s.safetensors")
    place = tmp_path / "data"
    place.mkdir()
    command = ["evaluate", "--data", write(place), "--data-root", str(place), "--student", f"{tmp_path}/s.safetensors"]
    command += ["--workers", "1", "--out", str(tmp_path / "run"), "--device", "cpu"]
    command += ["--set", "transferability.steps=1", "--set", "transferability.square_queries=5"]
    monkeypatch.setattr("sys.argv", ["robustkd", *command])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    results = pd.read_csv(tmp_path / "run" / "results" / "generalization.csv")
    assert set(results["n"]) >= {2 if write in (table, torchvision) else 4}
    assert (tmp_path / "run" / "report" / "index.html").is_file()
