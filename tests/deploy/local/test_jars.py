import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.home import home_at
from deploy.local.jars import Jar
from schemas.errors import StackError

CONTENT = {"org.example:one:1.0": b"first" * 1000, "org.example.deep:two:2.0:linux": b"second" * 5000}
LOCKED = tuple(
    Jar(coordinate, ("kafka",), len(content), hashlib.sha256(content).hexdigest())
    for coordinate, content in CONTENT.items()
)
NOBODY = "http://127.0.0.1:9"


class Repository(http.server.ThreadingHTTPServer):
    """A Maven repository on this machine; `files` may be changed, `asked` counts the jars asked for."""

    def __init__(self) -> None:
        self.files = {f"/{jar.file}": CONTENT[jar.coordinate] for jar in LOCKED}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        if self.path.endswith(".jar"):
            self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def repository() -> Iterator[Repository]:
    server = Repository()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_class_path_of_the_lock_has_its_roots_and_every_line_a_digest() -> None:
    locked = jars.locked()
    coordinates = {jar.coordinate for jar in locked}
    assert len(coordinates) == len(locked)
    for name, roots in jars.ROOTS.items():
        assert set(roots) <= {jar.coordinate for jar in locked if name in jar.paths}
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size > 0 for jar in locked)


def test_no_two_versions_of_a_library_share_a_class_path() -> None:
    for name in jars.ROOTS:
        libraries = [jar.coordinate.rsplit(":", 1)[0] for jar in jars.locked() if name in jar.paths]
        assert len(set(libraries)) == len(libraries)


def test_missing_jars_are_downloaded_into_their_place(tmp_path: Path, repository: Repository) -> None:
    seen: list[tuple[int, int]] = []
    jars.ensure(
        tmp_path, jars=LOCKED, repository=repository.url, progress=lambda done, total: seen.append((done, total))
    )
    assert [path.read_bytes() for path in jars.class_path(tmp_path, "kafka", LOCKED)] == list(CONTENT.values())
    total = sum(map(len, CONTENT.values()))
    assert seen[-1] == (total, total)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".incoming")] == []


def test_a_start_with_all_jars_in_place_touches_no_network(tmp_path: Path, repository: Repository) -> None:
    jars.ensure(tmp_path, jars=LOCKED, repository=repository.url)
    jars.ensure(tmp_path, jars=LOCKED, repository=NOBODY)
    assert len(repository.asked) == len(LOCKED)


@pytest.mark.parametrize("damage", [b"first" * 999 + b"fIrst", b"first", b""])
def test_a_damaged_jar_is_fetched_again_and_the_others_are_not(
    tmp_path: Path, repository: Repository, damage: bytes
) -> None:
    jars.ensure(tmp_path, jars=LOCKED, repository=repository.url)
    damaged = tmp_path / LOCKED[0].file
    damaged.write_bytes(damage)
    assert jars.unsound(tmp_path, LOCKED) == [LOCKED[0]]
    jars.ensure(tmp_path, jars=LOCKED, repository=repository.url)
    assert damaged.read_bytes() == CONTENT[LOCKED[0].coordinate]
    assert repository.asked.count(f"/{LOCKED[0].file}") == 2
    assert repository.asked.count(f"/{LOCKED[1].file}") == 1


def test_a_jar_that_is_not_the_locked_one_is_refused_and_never_put_in_place(
    tmp_path: Path, repository: Repository
) -> None:
    repository.files[f"/{LOCKED[0].file}"] = b"evil!" * 1000
    with pytest.raises(StackError, match=r"jars: org.example:one:1.0: what was downloaded has SHA-256 .* as locked"):
        jars.ensure(tmp_path, jars=LOCKED, repository=repository.url)
    assert repository.asked.count(f"/{LOCKED[0].file}") == 2
    assert not (tmp_path / LOCKED[0].file).exists()


@pytest.mark.parametrize("url", [NOBODY, "missing"])
def test_without_the_network_or_the_file_the_error_names_the_jar_and_the_remedy(
    tmp_path: Path, repository: Repository, url: str
) -> None:
    repository.files.clear()
    with pytest.raises(StackError, match=r"org\.example.* Check the network or the proxy, then start again"):
        jars.ensure(tmp_path, jars=LOCKED, repository=repository.url if url == "missing" else url)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "org").write_text("a file where a folder must be")
    with pytest.raises(StackError, match="cannot write to"):
        jars.ensure(tmp_path, jars=LOCKED, repository=repository.url)


def test_two_starts_at_once_download_each_jar_once(tmp_path: Path, repository: Repository) -> None:
    threads = [
        threading.Thread(target=jars.ensure, args=(tmp_path,), kwargs={"jars": LOCKED, "repository": repository.url})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(repository.asked) == sorted(f"/{jar.file}" for jar in LOCKED)


def test_the_jars_that_this_test_run_uses_are_the_locked_ones(tmp_path: Path) -> None:
    folder = home_at(tmp_path).jars
    jars.ensure(folder)
    assert jars.unsound(folder, jars.locked()) == []
