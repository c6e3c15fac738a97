"""How the threads of one computation wait for each other on a CPU."""

import os


def wait_passively() -> None:
    """Make idle OpenMP threads sleep instead of spin, unless an environment variable already sets what they do.

    Call this before torch is imported. By default, a thread that waits for the others spins. If another program needs
    the same core, the spinning thread takes that core's time from the thread that still has work, and every operation
    of a network takes several times as long. Sleeping instead changes no result.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
