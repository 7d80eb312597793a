"""No bytes make a parser raise anything but its named error, take over 2 s or 200 MB, or open a file or a socket, where
its CPU time is guarded as in a reader.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fuzzed_parsers.py")


@pytest.mark.timeout(310)
def test_no_bytes_bring_a_parser_beyond_its_limits() -> None:
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == []
