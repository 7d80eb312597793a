"""The house keeps its own rules: names that shadow no library, commands in the docs, the same command in CI."""

import ast
import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "flows", "consumers", "deploy")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def test_no_module_is_named_after_a_library() -> None:
    libraries = set(importlib.metadata.packages_distributions()) - set(PACKAGES)
    assert [str(f.relative_to(ROOT)) for f in FILES if f.stem in libraries] == []


def test_package_inits_hold_one_docstring_and_nothing_else() -> None:
    for file in FILES:
        if file.name == "__init__.py":
            body = ast.parse(file.read_text()).body
            assert len(body) == 1, file
            assert ast.get_docstring(ast.parse(file.read_text())), file


def test_ci_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"```sh test\n(.+?)\n```", readme, re.DOTALL)
    assert command is not None
    assert command.group(1) in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("word", ["/work/", "=/tmp/", "pypi.org", "maven.org"])
def test_no_tracked_file_names_a_machine_path_or_a_registry(word: str) -> None:
    found = subprocess.run(
        ["git", "grep", "-lF", word, "--", ".", ":!uv.lock", ":!tests/house/test_house.py"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.splitlines() == []
