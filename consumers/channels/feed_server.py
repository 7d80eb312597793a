"""The feeds of an `atom` channel over HTTP: files of one folder, to readers who call it by a name that it knows."""

import hashlib
import re
from collections.abc import Sequence
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = re.compile(r"/([a-z0-9][a-z0-9-]{0,63})\.xml")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
IDLE_S = 10.0
"""How long a caller may take for a request."""


def open_server(folder: Path, *, host: str, port: int, names: Sequence[str] = ()) -> ThreadingHTTPServer:
    """A server that is ready to `serve_forever`; it answers requests for `names` and for this machine's own alone.

    The check of Host keeps a web page from reading the feeds by a name of its own that leads here (DNS rebinding).
    Raises OSError when the port is taken.
    """
    known = frozenset(name.lower() for name in (*LOCAL_NAMES, *names))

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "Vigia", ""
        timeout = IDLE_S

        def do_GET(self) -> None:
            if _host(self.headers.get("host", "")) not in known:
                self._answer(421, "text/plain", b"This server is not known by that name.\n")
                return
            path = self.path.partition("?")[0]
            if path == "/":
                self._answer(200, "text/html; charset=utf-8", _index(folder))
                return
            content = _content(folder, path)
            if content is None:
                self._answer(404, "text/plain", b"There is no such feed.\n")
                return
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            if tag in self.headers.get("if-none-match", ""):
                self._answer(304, "", b"", tag)
                return
            self._answer(200, "application/atom+xml; charset=utf-8", content, tag)

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def _answer(self, status: int, kind: str, content: bytes, tag: str = "") -> None:
            self.send_response(status)
            if status != 304:
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
            if tag:
                self.send_header("etag", tag)
            self.send_header("x-content-type-options", "nosniff")
            self.send_header("content-security-policy", "default-src 'none'")
            self.end_headers()
            if self.command != "HEAD" and status != 304:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    return ThreadingHTTPServer((host, port), Handler)


def _host(header: str) -> str:
    return re.sub(r":\d*$", "", header.strip().lower()).rstrip(".")


def _content(folder: Path, path: str) -> bytes | None:
    found = NAME.fullmatch(path)
    if found is None:
        return None
    try:
        return (folder / f"{found[1]}.xml").read_bytes()
    except OSError:
        return None


def _index(folder: Path) -> bytes:
    names = sorted(file.name for file in folder.glob("*.xml") if NAME.fullmatch(f"/{file.name}"))
    rows = "".join(f'<li><a href="/{escape(name)}">{escape(name)}</a></li>' for name in names)
    return f"<!DOCTYPE html><meta charset=utf-8><title>Vigía</title><h1>Vigía</h1><ul>{rows}</ul>\n".encode()
