from pathlib import Path

import pytest

TINY = """\
name: tiny
data:
  name: digits
teacher:
  architecture: cifar_wrn_10_1
  seeds: 7
students:
  architecture: cifar_wrn_10_1
  methods: [baseline, hinton]
  seeds: [0]
training:
  epochs: 1
  milestones: []
evaluations:
  generalization:
  fidelity:
  transferability:
    images: 20
    steps: 2
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A study that runs in seconds."""
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return file
