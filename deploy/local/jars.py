"""The Java libraries of the embedded stack: exactly those in `jars.lock`, each checked against its SHA-256.

`python -m deploy.local.jars` downloads what is missing; `--lock` resolves the roots again and rewrites the lock.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, Final, TypeAlias

from filelock import FileLock

from deploy.local.home import home_at
from schemas.errors import StackError

ROOTS: Final = {
    "kafka": ("org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-simple:1.7.36"),
    "elasticsearch": ("org.elasticsearch:elasticsearch:9.2.0",),
    "netty": ("org.elasticsearch.plugin:transport-netty4:9.2.0",),
    "compiler": ("org.eclipse.jdt:ecj:3.44.0",),
}
"""What each class path starts from; the lock holds it with all that it needs to run. Kafka brings no slf4j binding."""

LOCK: Final = Path(__file__).with_name("jars.lock")

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the bytes to download in all, from several threads, one at a time."""

_PARALLEL: Final = 8
_TRIES: Final = 2
# One time for all: the JVM's start-up archives note each jar's, and a repaired jar must still match them.
_MODIFIED: Final = 946_684_800


@dataclass(frozen=True, slots=True)
class Jar:
    """A line of the lock: `coordinate` is group:artifact:version[:classifier], `paths` its class paths."""

    coordinate: str
    paths: tuple[str, ...]
    size: int
    sha256: str

    @property
    def file(self) -> PurePosixPath:
        """Where it lies in a Maven repository."""
        group, artifact, version, *classifier = self.coordinate.split(":")
        name = "-".join((artifact, version, *classifier))
        return PurePosixPath(group.replace(".", "/"), artifact, version, f"{name}.jar")


def locked(lock: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of the lock, in its order."""
    rows = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(
        Jar(coordinate, tuple(paths.split(",")), int(size), sha256) for coordinate, paths, size, sha256 in rows
    )


def class_path(folder: Path, name: str, jars: Sequence[Jar] | None = None) -> tuple[Path, ...]:
    """The jars of one class path (a key of ROOTS), in the lock's order."""
    return tuple(folder / jar.file for jar in jars or locked() if name in jar.paths)


def unsound(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """Those that are missing or differ from the lock; reads every byte (0.2 s for all, two cores)."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        sound = pool.map(lambda jar: _is_sound(folder / jar.file, jar), jars)
        return [jar for jar, is_sound in zip(jars, sound, strict=True) if not is_sound]


def ensure(
    folder: Path,
    *,
    progress: Progress | None = None,
    repository: str | None = None,
    jars: Sequence[Jar] | None = None,
) -> None:
    """Make sure that every jar of the lock lies in `folder` and is the one that was locked.

    Missing and damaged ones are downloaded from `repository` (a Maven repository's URL; none: Maven Central), several
    at once; when all are sound the network isn't touched. Raises StackError for what cannot be had.
    """
    jars = locked() if jars is None else jars
    if not unsound(folder, jars):
        return
    with FileLock(folder / ".lock", mode=0o600):
        wanted = unsound(folder, jars)  # again: another process may have been downloading while we waited
        meter = _Meter(sum(jar.size for jar in wanted), progress)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as incoming:
                context = _maven(Path(incoming), repository, meter)
                with ThreadPoolExecutor(_PARALLEL) as pool:
                    for _ in pool.map(lambda jar: _install(jar, folder, context), wanted):
                        pass
        except OSError as error:
            raise StackError("jars", f"cannot write to {folder}: {error.strerror or error}") from error


def write_lock(lock: Path, folder: Path) -> tuple[Jar, ...]:
    """Resolve ROOTS, download all they need at run time into `folder`, and write the lock. Needs the network."""
    context = _maven(folder, None, _Meter(0, None))
    paths: dict[str, list[str]] = {}
    files: dict[str, Path] = {}
    for name, roots in ROOTS.items():
        inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
        needed = [*inputs, *(d for d in transitive if d.scope in {"compile", "runtime"} and not d.optional)]
        for artifact in (dependency.artifact for dependency in needed):
            parts = (artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier)
            coordinate = ":".join(part for part in parts if part)
            paths.setdefault(coordinate, []).append(name)
            files[coordinate] = artifact.resolve()
    jars = tuple(
        Jar(coordinate, tuple(names), files[coordinate].stat().st_size, _sha256(files[coordinate]))
        for coordinate, names in paths.items()
    )
    header = "# Made by `python -m deploy.local.jars --lock`: coordinate, class paths, bytes, SHA-256.\n"
    lock.write_text(
        header + "".join(f"{jar.coordinate} {','.join(jar.paths)} {jar.size} {jar.sha256}\n" for jar in jars)
    )
    return jars


class _Meter:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress, self._lock = 0, total, progress, Lock()

    @contextmanager
    def __call__(self, filename: str, size: int) -> Iterator[Callable[[int], None]]:
        """What jgo calls around one download: yields a function that takes the bytes that came in."""
        yield self._add

    def _add(self, count: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += count
                self._progress(self._done, self._total)


def _maven(folder: Path, repository: str | None, meter: _Meter) -> Any:
    from jgo.maven import MavenContext, PythonResolver  # slow to import, and needed at the first start alone

    remotes = None if repository is None else {"given": repository}
    return MavenContext(
        resolver=PythonResolver(progress_callback=meter), repo_cache=folder, remote_repos=remotes, timeout=30
    )


def _install(jar: Jar, folder: Path, context: Any) -> None:
    group, artifact, version, *classifier = jar.coordinate.split(":")
    source = context.project(group, artifact).at_version(version).artifact(*classifier)
    reason = ""
    for _ in range(_TRIES):
        source.cached_path.unlink(missing_ok=True)  # jgo takes a file that is there, half a download too, for the jar
        try:
            found = source.resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors; jgo's "not found" is a RuntimeError
            reason = str(error)
            continue
        if _is_sound(found, jar):
            target = folder / jar.file
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(found, (_MODIFIED, _MODIFIED))
            shutil.move(found, target)
            return
        reason = f"what was downloaded has SHA-256 {_sha256(found)[:12]}…, not {jar.sha256[:12]}… as locked"
    raise StackError("jars", f"{jar.coordinate}: {reason}. Check the network or the proxy, then start again")


def _is_sound(file: Path, jar: Jar) -> bool:
    try:
        return file.stat().st_size == jar.size and _sha256(file) == jar.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def main() -> None:
    """Download the locked jars into the cache, or write the lock anew."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.jars", description=main.__doc__)
    parser.add_argument("--lock", action="store_true", help="resolve the roots again and rewrite jars.lock")
    home = home_at(Path())
    folder = home.jars
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parser.parse_args().lock:
        with tempfile.TemporaryDirectory() as fresh:
            jars = write_lock(LOCK, Path(fresh))
    else:
        jars = locked()
        ensure(folder, jars=jars)
    sys.stdout.write(f"{len(jars)} jars, {sum(jar.size for jar in jars):,} bytes\n")


if __name__ == "__main__":
    main()
