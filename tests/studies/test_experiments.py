"""The studies in the folder `experiments`: the small ones ask what the full ones ask."""

from pathlib import Path

import pytest
import yaml

from robustkd.studies import load_study

EXPERIMENTS = Path(__file__).parents[2] / "experiments"

SMALL = [
    path
    for path in sorted(EXPERIMENTS.rglob("small/*.yaml"))
    if str(yaml.safe_load(path.read_text(encoding="utf-8")).get("extends", "")).startswith("../")
]


@pytest.mark.parametrize("small", SMALL, ids=lambda path: path.relative_to(EXPERIMENTS).with_suffix("").as_posix())
def test_a_small_study_asks_all_that_the_full_one_asks(small: Path) -> None:
    full = small.parents[1] / small.name

    assert load_study(full).evaluations.keys() <= load_study(small).evaluations.keys()
