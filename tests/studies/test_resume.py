import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

from robustkd.data import load_dataset
from robustkd.models import load_model
from robustkd.studies import execute, training
from robustkd.studies.live import Live
from robustkd.studies.study_file import load_study

STUDY = {
    "name": "interrupted",
    "data": {"name": "digits"},
    "students": {"architecture": "cifar_wrn_10_1", "methods": ["baseline"], "seeds": [0]},
    "training": {"epochs": 2, "batch_size": 512},
    "evaluations": ["generalization"],
}


def files(run: Path) -> list[str]:
    return sorted(file.name for file in (run / "jobs").glob(".*.state"))


def trained(run: Path) -> dict[str, torch.Tensor]:
    (folder,) = (run / "jobs").glob("[!.]*")
    assert pd.read_csv(folder / "history.csv")["stage"].tolist() == ["training", "training"]
    return load_model(folder / "model.safetensors").state_dict()


def test_an_interrupted_study_goes_on_where_its_training_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    study = load_study(path)
    execute.run_study(study, tmp_path / "whole", device="cpu")
    original, told = training.train_in_turns, []
    reported: list[tuple[int, int]] = []
    monkeypatch.setattr(Live, "epoch", lambda live, id_, done, earlier: reported.append((done, earlier)))

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        def stop(epoch: object) -> None:
            raise KeyboardInterrupt

        return original(*args, **{**kwargs, "on_epoch": stop})

    def watched(method: Any, *args: Any, **kwargs: Any) -> Any:
        method.register_forward_hook(lambda *_: told.append(1))
        return original(method, *args, **kwargs)

    monkeypatch.setattr(training, "train_in_turns", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute.run_study(study, tmp_path / "resumed", device="cpu")
    assert len(files(tmp_path / "resumed")) == 1
    monkeypatch.setattr(training, "train_in_turns", watched)
    execute.run_study(study, tmp_path / "resumed", device="cpu")

    assert len(told) == math.ceil(len(load_dataset("digits").training) / 512)  # the steps of one epoch out of two
    assert reported == [(1, 1), (2, 1)]  # the first epoch is the earlier run's
    whole, resumed = trained(tmp_path / "whole"), trained(tmp_path / "resumed")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
