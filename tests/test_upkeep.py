"""The files that keep the project: workflows, hooks, forms, images and what a distribution contains."""

import re
from collections.abc import Iterator
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "robustkd"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
FORMS = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.y*ml")) if path.stem != "config"]


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def read_ini(name: str) -> ConfigParser:
    """Return a file of settings; tox's own substitutions stay as they are written."""
    parser = ConfigParser(interpolation=None)
    parser.read_string((ROOT / name).read_text(encoding="utf-8"))
    return parser


def env_list() -> list[str]:
    """Return the environments that plain `tox` runs, with `py3{11,12}` written out."""
    written = read_ini("tox.ini")["tox"]["env_list"]
    names = re.findall(r"[^\s,{]+(?:\{[^}]*\})?", written)
    return [name for entry in names for name in _written_out(entry)]


def _written_out(entry: str) -> list[str]:
    head, _, choices = entry.rstrip("}").partition("{")
    return [head + choice for choice in choices.split(",")]


def environments() -> set[str]:
    """Return the names of all environments of tox.ini."""
    sections = read_ini("tox.ini").sections()
    return {*env_list(), *(name.removeprefix("testenv:") for name in sections if name.startswith("testenv:"))}


def jobs(workflow: Path) -> Iterator[dict[str, Any]]:
    yield from read_yaml(workflow)["jobs"].values()


def tox_environments(workflow: Path) -> list[str]:
    """Return the environments of tox that a workflow runs, those of a matrix written out."""
    found = []
    for job in jobs(workflow):
        matrix = job.get("strategy", {}).get("matrix", {}).get("include", [])
        for step in job["steps"]:
            for names in re.findall(r"tox run -e (.+)", step.get("run", "")):
                in_matrix = "${{ matrix.environment }}" in names
                found += [row["environment"] for row in matrix] if in_matrix else names.split(",")
    return found


def test_there_are_workflows_and_forms() -> None:
    assert [path.name for path in WORKFLOWS] == ["release.yaml", "tests.yaml"]
    assert [path.stem for path in FORMS] == ["bug", "feature", "wrong_number"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_only_environments_of_tox_that_exist(workflow: Path) -> None:
    named = tox_environments(workflow)

    assert named
    assert set(named) <= environments()


def test_the_tests_workflow_runs_all_that_tox_runs() -> None:
    assert set(env_list()) <= set(tox_environments(ROOT / ".github" / "workflows" / "tests.yaml"))


def test_the_tests_run_on_every_python_that_the_package_declares() -> None:
    classifiers = re.findall(r":: Python :: 3\.(\d+)$", read_ini("setup.cfg")["metadata"]["classifiers"], re.MULTILINE)

    matrix = next(jobs(ROOT / ".github" / "workflows" / "tests.yaml"))["strategy"]["matrix"]["include"]

    tested = {row["environment"]: row["python"] for row in matrix if row["environment"].startswith("py3")}
    assert tested == {f"py3{minor}": f"3.{minor}" for minor in classifiers}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_only_the_job_that_publishes_may_do_more_than_read(workflow: Path) -> None:
    assert read_yaml(workflow)["permissions"] == {"contents": "read"}

    raised = [job["permissions"] for job in jobs(workflow) if "permissions" in job]

    assert raised == ([{"id-token": "write"}] if workflow.stem == "release" else [])


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_something_and_each_answer_has_its_own_name(form: Path) -> None:
    content = read_yaml(form)

    assert content["name"]
    assert content["description"]
    names = [field["id"] for field in content["body"]]
    assert len(set(names)) == len(names)
    assert any(field.get("validations", {}).get("required") for field in content["body"])
    assert all(field["attributes"]["label"] for field in content["body"])


def test_hooks_and_tox_check_with_the_same_tools() -> None:
    (repository,) = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    hooked = {need for hook in repository["hooks"] for need in hook.get("additional_dependencies", ())}
    of_tox = set(read_ini("tox.ini")["testenv:lint"]["deps"].split())

    assert of_tox <= hooked
    assert {hook["id"] for hook in repository["hooks"]} >= {"ruff", "ruff-format", "codespell", "check-yaml", "mypy"}


def test_every_file_of_the_package_is_installed_with_it() -> None:
    declared = read_ini("setup.cfg")["options.package_data"]
    patterns = {
        f"{package.replace('.', '/')}/{pattern}"
        for package, names in declared.items()
        for pattern in re.split(r"[\s,]+", names.strip())
    }
    others = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]

    assert [name for name in others if not any(fnmatch(name, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in others)] == []


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_an_image_runs_the_command_as_a_user_without_rights(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()

    assert 'ENTRYPOINT ["robustkd"]' in lines
    assert [line for line in lines if line.startswith("USER")] == ["USER robustkd"]


def test_what_an_image_copies_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    metadata = read_ini("setup.cfg")["metadata"]
    read_by_the_build = {metadata["long_description"].removeprefix("file: "), metadata["license_files"]}

    assert kept == {"robustkd", "setup.cfg", "pyproject.toml", *read_by_the_build}


def links() -> list[tuple[str, str]]:
    named = ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
    return [(name, to) for name in named for to in re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text("utf-8"))]


@pytest.mark.parametrize(("name", "to"), [(name, to) for name, to in links() if not to.startswith("http")])
def test_a_link_leads_to_a_file(name: str, to: str) -> None:
    assert (ROOT / name).parent.joinpath(to).exists()
