import subprocess
import sys

HEAVY = ("torch", "altair", "sklearn", "cleanlab", "imblearn", "scipy.optimize")


def test_evaluations_of_predictions_are_imported_without_heavy_libraries() -> None:
    names = (
        "generalization",
        "fidelity",
        "calibration",
        "label_noise",
        "minority",
        "selective",
        "confidence",
        "knowledge",
    )
    imports = "".join(f"import robustkd.evaluations.{name}\n" for name in names)
    program = f"import sys\n{imports}print([name for name in {HEAVY} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
