"""What is declared is what is imported, and what is built is what is needed."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
OUR_OWN = {"napari_vitrail", "evals", "benchmarks", "docs", "tests"}
RUN_BY_A_PEER = ROOT / "evals" / "_convpaint_peer.py"
"""In the environment of another plugin, which is no dependency of ours."""

SAYS_HOW_TO_GET_IT = {"faiss"}
"""What a benchmark measures beside ours, and asks for where it is missing."""

READS_OUR_MANIFEST = {"npe2"}
NOT_INSTALLED_EVERYWHERE = {"pydensecrf": ["pydensecrf2"], "triton": ["torch"]}  # triton: torch on Linux

# A path of somebody's machine, and the hosts that package registries answer on.
MACHINE = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|tmp|mnt|media|opt|private)/\w|[A-Z]:\\+Users\b")
REGISTRY = re.compile(
    r"\b(?:(?:pypi|pythonhosted|anaconda|npmjs|debian|ubuntu)\.(?:org|com)|download\.pytorch)\b"
)


def distributions(requirements: Iterable[object]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements if isinstance(line, str)}


def all_of(table: dict[str, list[str]]) -> set[str]:
    return set().union(*map(distributions, table.values()))


REQUIRED = distributions(PROJECT["dependencies"])
OPTIONAL = all_of(PROJECT["optional-dependencies"])
FOR_DEVELOPERS = all_of(PYPROJECT["dependency-groups"])


@cache
def providers() -> dict[str, list[str]]:
    return dict(packages_distributions()) | NOT_INSTALLED_EVERYWHERE


def imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the top-level names of the foreign modules that these nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OUR_OWN


def run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one that run when the module is imported: no functions, no type checking."""
    for child in ast.iter_child_nodes(node):
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        if not deferred:
            yield child
            yield from run_on_import(child)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def undeclared(modules: Iterable[str], declared: set[str]) -> set[str]:
    """Return the modules that none of the declared distributions provides."""
    return {
        module
        for module in modules
        if declared.isdisjoint(map(canonicalize_name, providers().get(module, [])))
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_nothing_undeclared_is_imported(path):
    tree = tree_of(path)
    assert not undeclared(imports(ast.walk(tree)), REQUIRED | OPTIONAL)
    assert not undeclared(imports(run_on_import(tree)), REQUIRED), "an extra waits inside a function"


@pytest.mark.parametrize("folder", ["tests", "evals", "docs", "benchmarks"])
def test_scripts_import_nothing_undeclared(folder):
    paths = set((ROOT / folder).rglob("*.py")) - {RUN_BY_A_PEER}
    modules = {name for path in paths for name in imports(ast.walk(tree_of(path)))}
    assert not undeclared(modules - SAYS_HOW_TO_GET_IT, REQUIRED | OPTIONAL | FOR_DEVELOPERS)


def test_everything_required_is_imported():
    modules = {name for path in SOURCES for name in imports(ast.walk(tree_of(path)))}
    used = {canonicalize_name(name) for module in modules for name in providers().get(module, [])}
    assert not REQUIRED - used - READS_OUR_MANIFEST


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory):
    """Build the source archive, from it the wheel, without a network; return the unpacked wheel."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_holds_every_file_of_the_package(unpacked_wheel):
    package = ROOT / "src/napari_vitrail"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".pyo")]
    assert not [path for path in files if not (unpacked_wheel / path.relative_to(ROOT / "src")).is_file()]


def test_the_wheel_works_without_the_repository(unpacked_wheel, tmp_path):
    program = """
import napari_vitrail, npe2
print(napari_vitrail.__file__)
npe2.PluginManifest.from_distribution("napari-vitrail").validate_imports()
from napari_vitrail.cli import main
"""
    environment = os.environ | {"PYTHONPATH": str(unpacked_wheel)}
    command = [sys.executable, "-c", program]
    output = subprocess.check_output(command, text=True, cwd=tmp_path, env=environment)
    assert Path(output.splitlines()[0]).is_relative_to(unpacked_wheel)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source archive without git")
@pytest.mark.parametrize("pattern", [MACHINE, REGISTRY], ids=["machine", "registry"])
def test_no_file_names_a_machine_or_a_registry(pattern):
    # safe.directory: git else refuses a clone that belongs to somebody else
    git = ["git", "-c", "safe.directory=*"]
    command = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.check_output(command, text=True, cwd=ROOT)
    files = [ROOT / name for name in listing.split("\0") if name]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        if path.is_file()
        for match in pattern.finditer(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not found
