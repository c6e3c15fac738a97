from pathlib import Path

import pytest

TINY = (Path(__file__).parent / "tiny.yaml").read_text()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A study that runs in seconds."""
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file
