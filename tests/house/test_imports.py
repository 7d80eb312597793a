"""The import contracts hold, and would catch a wrong import."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "flows", "consumers", "deploy")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over a copy of the house, out of process so that the copy is what is imported."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=lambda folder, names: [n for n in names if not keep(folder, n)]
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def keep(folder: str, name: str) -> bool:
    return name.endswith(".py") or ((Path(folder) / name).is_dir() and name != "__pycache__")


def test_the_contracts_hold(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("schemas/article.py", "import flows.poll", "Dependencies go one way"),
        ("flows/poll.py", "import consumers.outcome", "Dependencies go one way"),
        ("consumers/index.py", "import flows.publish", "Dependencies go one way"),
        ("consumers/outcome.py", "import deploy.cli", "Dependencies go one way"),
        ("flows/poll.py", "import kafka.errors", "Kafka has two doors"),
        ("deploy/cli/config.py", "import kafka", "Kafka has two doors"),
        ("consumers/outcome.py", "import consumers.worker", "Handlers know no broker"),
        ("consumers/index.py", "import elasticsearch", "Elasticsearch has two doors"),
        ("deploy/cli/search.py", "from elasticsearch import helpers", "Elasticsearch has two doors"),
    ],
)
def test_a_wrong_import_is_caught(house: Path, module: str, line: str, contract: str) -> None:
    file = house / module
    file.write_text(f"{file.read_text()}\n{line}\n")
    result = lint(house)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
