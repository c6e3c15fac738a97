"""Methods, evaluations, conditions and networks that live outside the package."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from robustkd import plugins
from robustkd.data import CONDITIONS, DATASETS, load_dataset
from robustkd.distillation import METHODS
from robustkd.errors import BadInputError, StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.models import create_model
from robustkd.plugins import Plugin, digest_of, load_plugins, loaded, loaded_plugins, receive
from robustkd.studies import Execution, load_study, run_study
from robustkd.studies.plan import plan

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "plugin"

CONDITION = """\
from dataclasses import dataclass
from robustkd.data import CONDITIONS, Condition, Conditioned

@CONDITIONS.register("{name}")
@dataclass(frozen=True)
class Mine(Condition):
    name = "{name}"
    label = "mine"

    def apply(self, train, seed):
        raise NotImplementedError
"""

METHOD = """\
import torch.nn.functional as F
from robustkd.distillation import METHODS, Method, Supervision

@METHODS.register("mine")
class Mine(Method):
    needs_teacher = False

    def forward(self, batch):
        logits = self.student(batch.pixels)
        return Supervision(logits, {"labels": F.cross_entropy(logits, batch.labels, label_smoothing=0.1)})
"""


@pytest.fixture(autouse=True)
def _forget(own_plugins: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test register anything, and remove it afterwards."""
    for registry in (METHODS, EVALUATIONS, CONDITIONS, DATASETS):
        registry.names()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("robustkd_plugin_"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write ``my_code.py`` into the working directory, and name it as a user would."""
    monkeypatch.chdir(tmp_path)

    def written(source: str) -> str:
        Path("my_code.py").write_text(source)
        return "my_code.py"

    return written


def test_a_file_registers_what_it_defines_and_is_executed_once(write: Callable[[str], str]) -> None:
    file = write(CONDITION.format(name="mine") + "print('executed')\n")

    load_plugins([file])
    held = CONDITIONS["mine"]
    load_plugins([file, str(Path(file).resolve())])

    assert CONDITIONS["mine"] is held
    assert loaded() == (str(Path(file).resolve()),)
    assert Path(file).resolve() in plugins.SOURCES


def test_a_module_is_loaded_by_its_dotted_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dotted_plugin").mkdir()
    (tmp_path / "dotted_plugin" / "__init__.py").write_text("")
    (tmp_path / "dotted_plugin" / "inner.py").write_text(CONDITION.format(name="mine"))
    monkeypatch.syspath_prepend(tmp_path)

    load_plugins(["dotted_plugin.inner"])

    assert "mine" in CONDITIONS.names()
    assert {path.name for path in plugins.SOURCES} >= {"__init__.py", "inner.py"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "\n\nimport foo_that_is_not_there\n",
            "my_code.py:3: ModuleNotFoundError: No module named 'foo_that_is_not_there'",
        ),
        ("x = 1\ny = = 2\n", "my_code.py:2: SyntaxError: invalid syntax"),
        ("def inner():\n    raise ValueError('no\\nway')\ninner()\n", "my_code.py:2: ValueError: no"),
        ("import sys\nsys.exit(3)\n", "my_code.py:2: SystemExit: 3"),
        ("import json\njson.loads('{')\n", "my_code.py:2: JSONDecodeError: Expecting property name"),
        (
            CONDITION.format(name="clean"),
            "my_code.py:4: condition 'clean' is registered twice: by Clean in robustkd.data.condition and by Mine in "
            "my_code.py",
        ),
        (
            CONDITION.format(name="mine") + CONDITION.format(name="mine").replace("class Mine", "class Other"),
            "my_code.py:15: condition 'mine' is registered twice: by Mine in my_code.py and by Other in my_code.py",
        ),
        (
            CONDITION.format(name="mine").replace("    label =", "    tag ="),
            "my_code.py:4: condition 'mine': Mine does not define label",
        ),
        (
            CONDITION.format(name="mine").replace('    name = "mine"\n', "").replace("def apply", "def use"),
            "my_code.py:4: condition 'mine': Mine does not define apply, name",
        ),
        (
            CONDITION.format(name="mine").replace('name = "mine"', 'name = "yours"'),
            "my_code.py:4: condition 'mine': Mine.name is 'yours'; both must be the same",
        ),
        (
            "from robustkd.distillation import METHODS\n@METHODS.register('mine')\nclass Mine: pass\n",
            "my_code.py:2: method 'mine': must be a class derived from Method",
        ),
    ],
)
def test_a_plugin_that_fails_is_refused_in_one_line_that_names_file_line_and_reason(
    write: Callable[[str], str], source: str, message: str
) -> None:
    file = write(source)

    with pytest.raises(BadInputError) as refusal:
        load_plugins([file])

    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert loaded() == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.py", "plugin nowhere.py: no such file"),
        ("./", "plugin ./: is a folder; give a Python file, or the name of a module"),
        ("nowhere_at_all", "plugin nowhere_at_all: no such module; to load a file, give its path"),
        ("json.nowhere", "plugin json.nowhere: ModuleNotFoundError: No module named 'json.nowhere'"),
    ],
)
def test_a_plugin_that_does_not_exist_is_refused(given: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message.replace("./", r"\./")):
        load_plugins([given])


def test_a_plugin_that_changed_since_it_was_loaded_asks_for_a_new_start(write: Callable[[str], str]) -> None:
    load_plugins([write(CONDITION.format(name="mine"))])

    with pytest.raises(BadInputError, match=r"plugin my_code\.py: changed since it was loaded"):
        load_plugins([write(CONDITION.format(name="mine") + "# more\n")])


def test_what_a_plugin_defines_has_the_digest_of_its_source_and_nothing_else_has_one(
    write: Callable[[str], str],
) -> None:
    source = CONDITION.format(name="mine")
    load_plugins([write(source)])
    (plugin,) = loaded_plugins()

    assert digest_of(CONDITIONS["mine"]) == plugin.digest
    assert digest_of(functools.partial(CONDITIONS["mine"].apply)) == plugin.digest
    assert digest_of(type("Derived", (CONDITIONS["mine"],), {"__module__": "elsewhere"})) == plugin.digest
    assert digest_of(CONDITIONS["clean"]) is None
    assert digest_of(METHODS["hinton"]) is None


def test_another_process_executes_the_source_that_it_was_sent(write: Callable[[str], str]) -> None:
    source = b"from robustkd.data import CONDITIONS, Clean\nCONDITIONS.register('clean')(Clean)\nimport inspect\n"
    source += b"def mine(): return __file__\nseen = inspect.getsource(mine)\n"
    sent = Plugin("/of/another/machine/my_code.py", "robustkd_plugin_my_code_01234567", "0" * 64, source)

    receive([sent])

    module = sys.modules["robustkd_plugin_my_code_01234567"]
    assert module.mine() == "/of/another/machine/my_code.py"
    assert module.seen == "def mine(): return __file__\n"


def test_a_module_that_differs_from_that_of_the_sending_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "versioned_plugin.py").write_text("x = 2\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BadInputError, match="versioned_plugin: its source on this machine differs"):
        receive([Plugin("versioned_plugin", "versioned_plugin", "0" * 64)])


def test_what_a_plugin_defines_is_part_of_the_keys_of_networks_and_records(write: Callable[[str], str]) -> None:
    load_plugins([write(NETWORK_AND_EVALUATION)])
    (plugin,) = loaded_plugins()

    own = create_model("plugin_network", num_classes=3, in_chans=1, seed=0)
    first = own.digest()
    assert EVALUATIONS["mine"]().settings()["plugin"] == plugin.digest
    plugins._tried[plugin.module] = replace(plugin, digest="0" * 64)  # as if the source were another

    assert own.digest() != first
    assert EVALUATIONS["mine"]().settings()["plugin"] == "0" * 64
    assert "plugin" not in EVALUATIONS["fidelity"]().settings()


def test_a_condition_that_changes_pixels_is_refused_because_trainings_would_ignore_that(
    write: Callable[[str], str], tmp_path: Path
) -> None:
    load_plugins([write(CONDITION.format(name="mine").replace("raise NotImplementedError", DARKENED))])
    changes = "conditions: [mine]\nstudents: {architecture: cifar_wrn_10_1, methods: [baseline], seeds: [0]}\n"
    (tmp_path / "study.yaml").write_text(f"name: dark\ndata: {{name: digits}}\n{changes}")

    with pytest.raises(StudyError, match="condition 'mine' changes pixels"):
        plan(load_study(tmp_path / "study.yaml"), load_dataset("digits"))


NETWORK_AND_EVALUATION = """\
from timm.models import register_model
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.generalization import Generalization
from robustkd.models.networks.wide_resnet import cifar_wrn_10_1

@register_model
def plugin_network(pretrained=False, **kwargs):
    return cifar_wrn_10_1(**{**kwargs, "pretrained_cfg": None})

@EVALUATIONS.register("mine")
class Mine(Generalization):
    name = "mine"
"""

DARKENED = "return Clean().apply(replace(train, images=train.images // 2), seed)\n" + (
    "from dataclasses import replace\nfrom robustkd.data import Clean\n"
)

STUDY = """\
name: with-plugin
data: {name: digits}
students: {architecture: cifar_wrn_10_1, methods: [baseline, mine], seeds: [0]}
training: {epochs: 1, milestones: [], batch_size: 256}
evaluations: [generalization]
"""


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(Execution(workers=2), id="processes"),
        pytest.param(Execution("ray", workers=2), id="ray", marks=pytest.mark.slow),
    ],
)
def test_workers_load_the_plugins_of_the_study_even_without_their_files(
    write: Callable[[str], str], tmp_path: Path, how: Execution
) -> None:
    if how.executor == "ray":
        pytest.importorskip("ray")
    (tmp_path / "study.yaml").write_text(STUDY)
    load_plugins([write(METHOD)])
    Path("my_code.py").unlink()

    evaluated = run_study(load_study(tmp_path / "study.yaml"), tmp_path / "run", device="cpu", execution=how)

    assert evaluated.missing == {}
    (job,) = (tmp_path / "run" / "jobs").glob("student-mine-0-*/job.json")
    assert json.loads(job.read_text())["settings"]["plugins"] == {"method": loaded_plugins()[0].digest}
    (recorded,) = json.loads((tmp_path / "run" / "run.json").read_text())["plugins"]
    assert recorded["sha256"] == loaded_plugins()[0].digest


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as an installer leaves it: the example's package, and beside it what its distribution declares."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE / "src", folder, dirs_exist_ok=True)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [line for group, held in groups for line in (f"[{group}]", *(f"{key} = {held[key]}" for key in held))]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_the_sources_of_installed_plugins_are_found_without_importing_them(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(site)

    plugins.find_installed_sources()

    assert site / "robustkd_example" / "logit_matching.py" in plugins.SOURCES
    assert "robustkd_example" not in sys.modules


def python(*arguments: str, path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    places = os.pathsep.join([str(path), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"} | environment,
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )


UNDONE = """\
import sys
from pathlib import Path
from robustkd.studies import load_study
from robustkd.studies.execute import study_data
from robustkd.studies.plan import plan
from robustkd.studies.store import Store

study = load_study(Path(sys.argv[1]))
planned, done = plan(study, study_data(study, None)), Store(Path(sys.argv[2]) / "jobs").scan()
print(*(planned.title(job) for job in planned.jobs if job.id not in done), sep="\\n")
"""


def test_an_installed_plugin_is_found_used_and_its_change_repeats_just_what_it_touches(
    site: Path, tmp_path: Path
) -> None:
    study, run = str(EXAMPLE / "study.yaml"), str(tmp_path / "run")

    done = python("-m", "robustkd", "run", study, "--out", run, "--device", "cpu", path=site)
    listed = python("-m", "robustkd", "list", "methods", path=site)
    source = site / "robustkd_example" / "logit_matching.py"
    before = python("-c", UNDONE, study, run, path=site)
    source.write_text(source.read_text() + "# another version\n")
    after = python("-c", UNDONE, study, run, path=site)

    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "How certain are the networks?" in page
    assert "20 images per class" in page
    assert "example_tiny_cnn" in page
    assert "logit_matching" in listed.stdout
    assert before.stdout.split("\n") == ["", ""]
    # only the teacher and the baseline that need nothing of the plugin stay
    everything = {
        f"{name}, {condition}"
        for condition in ("clean", "20 images per class")
        for name in (
            "cifar_wrn_10_1-7",
            *(f"{method}-0, {network}" for method in ("baseline", "logit_matching") for network in NETWORKS),
        )
    }
    assert set(after.stdout.splitlines()) == everything - {
        "cifar_wrn_10_1-7, clean",
        "baseline-0, cifar_wrn_10_1, clean",
    }


NETWORKS = ("cifar_wrn_10_1", "example_tiny_cnn")


def test_the_tests_of_the_example_pass(site: Path) -> None:
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests"), path=site)

    assert done.returncode == 0, done.stdout + done.stderr


LOOK_UP = "from robustkd.data import CONDITIONS; print(CONDITIONS.names())"


def test_an_installed_plugin_that_fails_is_reported_and_left_out(site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    (tmp_path / "robustkd_example" / "few_images.py").write_text("import gone_missing\n")

    done = python("-c", LOOK_UP, path=tmp_path)
    quiet = python("-c", LOOK_UP, path=tmp_path, ROBUSTKD_NO_PLUGINS="1")

    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: the plugin 'example' of robustkd-example 0.1.0 is not loaded: ")
    assert "few_images.py:1: ModuleNotFoundError: No module named 'gone_missing'; fix or uninstall" in line
    assert line.endswith("or set ROBUSTKD_NO_PLUGINS=1 to use no installed plugin")
    assert "label_noise" in done.stdout
    assert quiet.stderr == ""
    assert quiet.stdout == done.stdout
