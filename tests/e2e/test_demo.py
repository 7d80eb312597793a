"""The first command of the README, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


@pytest.mark.timeout(400)
def test_the_demonstration_ends_with_alerts_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", "demo", "--json"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["published"] == 40
    assert found["alerts"] == len(found["alerts_received"]) > 5
    right, of = found["agreement"]["relevance"]
    assert right >= 0.9 * of
    # two of the three live pieces are on the beat; the sharp Spanish one must alert
    assert any("16-no-son-paquetes" in url for url in found["seconds_from_publication"])
    assert all(alert["evidence"] for alert in found["alerts_received"])
    assert list(tmp_path.iterdir()) == []
    assert [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or ())] == []
