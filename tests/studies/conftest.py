import shutil
from pathlib import Path

import pytest

from robustkd.studies import load_study, run_study

TINY = (Path(__file__).parent / "tiny.yaml").read_text()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A study that runs in seconds."""
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of that study, shared by all tests: they must not change it."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(TINY)
    return run_study(load_study(folder / "tiny.yaml"), folder / "run", device="cpu").path


@pytest.fixture
def finished(run_once: Path, tmp_path: Path) -> Path:
    """A copy of that run, which a test may change and continue."""
    return Path(shutil.copytree(run_once, tmp_path / "run"))
