import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_charts_come_alive_in_a_browser_without_a_network(run: Path, tmp_path: Path, width: int) -> None:
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--virtual-time-budget=10000",
        "--dump-dom",
        (run / "report" / "index.html").as_uri(),
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"})

    live = re.findall(r'id="chart-(\w+)"><div[^>]*class="[^"]*vega-embed', done.stdout)
    assert sorted(live) == ["corruption", "fidelity", "generalization", "transferability"]
