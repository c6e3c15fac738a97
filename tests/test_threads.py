import os
import subprocess
import sys

import pytest

from robustkd.threads import wait_passively


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ({"GOMP_SPINCOUNT": "100"}, None)],
)
def test_idle_threads_sleep_unless_the_environment_says_otherwise(
    given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    wait_passively()

    assert os.environ.get("OMP_WAIT_POLICY") == expected
    os.environ.pop("OMP_WAIT_POLICY", None)


def test_the_command_line_decides_before_torch_is_imported() -> None:
    code = (
        "import sys, os, robustkd.cli as cli, robustkd.threads as threads\n"
        "cli.app = lambda **options: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)\n"
        "cli.main()\n"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["PASSIVE", "False"]
