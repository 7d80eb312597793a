"""Where one Vigía lives: its data, logs and run state in one folder, downloads in another that homes share."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import StackError


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one Vigía. `cache` holds only what can be downloaded or built again, so that homes share it."""

    root: Path
    cache: Path

    @property
    def data(self) -> Path:
        """What must survive: the broker's log, the indices, Prefect's database, feed state."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What describes the running stack: lock, state, ports, generated configuration."""
        return self.root / "run"

    @property
    def scratch(self) -> Path:
        """Temporary files of the parts; emptied at each start."""
        return self.run / "scratch"

    @property
    def jars(self) -> Path:
        """The locked jars, laid out as in a Maven repository."""
        return self.cache / "jars"

    @property
    def java(self) -> Path:
        """Our compiled Java classes and the start-up archives of the JVMs."""
        return self.cache / "java"

    def create(self) -> None:
        """Make the folders, readable by their owner alone. Raises StackError when the disk or its rights forbid it."""
        for folder in (self.root, self.data, self.logs, self.run, self.scratch, self.cache, self.jars, self.java):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            except OSError as error:
                setting = "VIGIA_HOME" if folder.is_relative_to(self.root) else "VIGIA_CACHE"
                raise StackError("home", f"cannot use {folder}: {error.strerror}; set {setting} elsewhere") from error


def home_at(root: Path, cache: Path | None = None) -> Home:
    """The home at `root`. Without `cache`, downloads go to `VIGIA_CACHE`, else to `~/.cache/vigia`."""
    if cache is None:
        named = os.environ.get("VIGIA_CACHE")
        cache = Path(named) if named else Path.home() / ".cache" / "vigia"
    return Home(root.expanduser().absolute(), cache.expanduser().absolute())


def require_space(home: Home, needed_bytes: int) -> None:
    """Raise StackError when the disk under the home or the cache has less than `needed_bytes` free."""
    for folder in (home.root, home.cache):
        free = shutil.disk_usage(folder).free
        if free < needed_bytes:
            raise StackError(
                "home",
                f"{free / 1e6:,.0f} MB are free on the disk of {folder}, {needed_bytes / 1e6:,.0f} MB are needed; "
                "free some, or set VIGIA_HOME and VIGIA_CACHE to another disk",
            )


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Be the only stack of this home while the block runs.

    The operating system drops the lock with the process, so a killed stack leaves nothing to clean. Raises StackError
    when another process holds it.
    """
    lock = FileLock(home.run / "lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise StackError(
            "stack", f"already running in {home.root}: `vigia status` shows it, `vigia down` stops it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(home: Home) -> bool:
    """Whether some process holds the home's lock now."""
    if not home.run.is_dir():
        return False
    lock = FileLock(home.run / "lock", timeout=0, mode=0o600, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
