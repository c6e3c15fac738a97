"""The cell magic ``%%bash`` of the tutorials: what a command prints without a terminal, in one piece.

IPython's own passes output on in pieces of 100 bytes, which are shown as lines, and makes commands print in colour.
"""

import os
import subprocess
import warnings
from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Replace ``%%bash`` in a notebook that says ``%load_ext tutorial_shell``."""
    warnings.filterwarnings("ignore", message="IProgress not found")  # of tqdm, which a dependency imports
    shell.register_magic_function(bash, magic_kind="cell", magic_name="bash")


def bash(line: str, cell: str) -> None:
    """Run a cell and print its output.

    Args:
        line: Nothing.
        cell: The commands.

    Raises:
        RuntimeError: The commands failed.
    """
    environment = {key: value for key, value in os.environ.items() if "COLOR" not in key} | {"COLUMNS": "80"}
    command = ["bash", "-eo", "pipefail", "-c", cell]
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(ended.stdout, end="")
    if ended.returncode:
        raise RuntimeError(f"the command ended with code {ended.returncode}")
