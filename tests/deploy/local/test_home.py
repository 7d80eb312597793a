import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.home import hold, home_at, is_held, require_space
from deploy.local.state import Endpoints, StackState, read_state, running, write_state
from schemas.errors import StackError

HOLDS = """
import sys, time
from pathlib import Path
from deploy.local.home import hold, home_at
home = home_at(Path(sys.argv[1]), Path(sys.argv[2]))
with hold(home):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_stale_lock_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home", tmp_path / "cache")
    home.create()
    command = [sys.executable, "-c", HOLDS, str(home.root), str(home.cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(home)
        with pytest.raises(StackError, match="already running"), hold(home):
            pytest.fail("two held it at once")
        os.kill(holder.pid, signal.SIGKILL)
    assert (home.run / "lock").exists()
    assert not is_held(home)
    with hold(home):
        assert is_held(home)


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home", tmp_path / "cache")
    home.create()
    require_space(home, 1)
    with pytest.raises(StackError, match=r"MB are free on the disk of .* 1,000,000,000,000 MB are needed; free some"):
        require_space(home, 10**18)


def test_a_home_that_cannot_be_made_names_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"home: cannot use .*: Not a directory; set VIGIA_HOME elsewhere"):
        home_at(tmp_path / "file" / "home", tmp_path / "cache").create()


def test_homes_share_the_cache_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIA_CACHE", str(tmp_path / "shared"))
    assert home_at(tmp_path / "one").jars == home_at(tmp_path / "two").jars == tmp_path / "shared" / "jars"


def test_a_state_that_was_cut_short_reads_as_none_and_can_be_written_anew(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home", tmp_path / "cache")
    home.create()
    state = StackState(
        pid=os.getpid(), create_time=0.0, started="2026-11-24T06:00:00Z", endpoints=Endpoints(kafka="a:1"), parts=()
    )
    write_state(home, state)
    assert read_state(home) == state
    file = home.run / "stack.json"
    file.write_bytes(file.read_bytes()[:40])
    assert (read_state(home), running(home)) == (None, None)
    write_state(home, state)
    assert read_state(home) == state
    assert sorted(entry.name for entry in home.run.iterdir()) == ["scratch", "stack.json"]
