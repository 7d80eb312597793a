"""The Atom feeds: one entry an alert, however often it is told; served to those who call them by a known name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import feedparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from consumers.channels.atom import check, publish
from consumers.channels.compose import of_alert
from consumers.channels.feed_server import open_server
from schemas.alert import Alert
from schemas.channel import AtomChannel
from schemas.errors import ConfigError, Unavailable

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def channel(tmp_path: Path) -> AtomChannel:
    return AtomChannel(name="feeds", kind="atom", folder=tmp_path / "feeds", keep=3)


def read(channel: AtomChannel, name: str) -> Any:
    return feedparser.parse(BytesIO((channel.folder / f"{name}.xml").read_bytes()))


def test_each_rule_has_a_feed_and_all_have_one(channel: AtomChannel, alert: Callable[..., Alert]) -> None:
    publish(of_alert(alert()), channel)
    publish(of_alert(alert(alert_id="b" * 32, rule_id="tps", rule_name="TPS")), channel)
    assert [len(read(channel, name).entries) for name in ("deal-criticised", "tps", "all")] == [1, 1, 2]
    feed = read(channel, "deal-criticised")
    assert not feed.bozo
    (entry,) = feed.entries
    assert feed.feed.title == "Vigía: The deportation deal is criticised"
    assert entry.link == "https://news.example/no-son-paquetes"
    assert entry.id == f"urn:vigia:alert:{'a' * 32}"
    assert "aberración jurídica" in entry.content[0].value
    assert datetime.fromisoformat(entry.updated).tzinfo is not None


def test_an_alert_told_again_is_one_entry_and_an_update_replaces_it(
    channel: AtomChannel, alert: Callable[..., Alert]
) -> None:
    for edition in (1, 1, 2):
        publish(of_alert(alert(edition=edition, created_at_ms=1_795_000_000_000 + edition)), channel)
    (entry,) = read(channel, "deal-criticised").entries
    assert "update 1" in entry.title


def test_only_the_newest_are_kept(channel: AtomChannel, alert: Callable[..., Alert]) -> None:
    for n in (3, 1, 5, 2, 4):
        publish(of_alert(alert(alert_id=f"{n}" * 32, created_at_ms=n * 1000)), channel)
    assert [e.id[-1] for e in read(channel, "all").entries] == ["5", "4", "3"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), url=st.text())
def test_no_text_breaks_a_feed(text: str, url: str, channel: AtomChannel, alert: Callable[..., Alert]) -> None:
    publish(of_alert(alert(title=text, outlet=text, url=url, rule_name=text)), channel)
    root = etree.fromstring((channel.folder / "all.xml").read_bytes())
    for link in root.iterfind(".//a:link", ATOM):
        assert str(link.get("href")).startswith(("http://", "https://"))


def test_a_spoilt_file_is_begun_anew_and_a_folder_that_can_not_be_written_is_told(
    channel: AtomChannel, alert: Callable[..., Alert], tmp_path: Path
) -> None:
    channel.folder.mkdir()
    (channel.folder / "all.xml").write_bytes(b"<feed")
    publish(of_alert(alert()), channel)
    assert len(read(channel, "all").entries) == 1
    (tmp_path / "file").write_text("")
    blocked = AtomChannel(name="feeds", kind="atom", folder=tmp_path / "file" / "feeds")
    with pytest.raises(ConfigError, match="folder"):
        check(blocked)
    with pytest.raises(Unavailable):
        publish(of_alert(alert()), blocked)


@contextmanager
def served(folder: Path, **names: Any) -> Iterator[int]:
    with open_server(folder, host="127.0.0.1", port=0, **names) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_feeds_are_served_to_those_who_know_the_name(channel: AtomChannel, alert: Callable[..., Alert]) -> None:
    publish(of_alert(alert()), channel)
    (channel.folder / "secret.txt").write_text("canary")
    with served(channel.folder, names=("feeds.desk.example",)) as port:
        status, headers, body = ask(port, "/deal-criticised.xml")
        assert (status, headers["content-type"].partition(";")[0]) == (200, "application/atom+xml")
        assert body == (channel.folder / "deal-criticised.xml").read_bytes()
        assert ask(port, "/all.xml", if_none_match=headers["etag"])[0] in {200, 304}
        assert ask(port, "/deal-criticised.xml", if_none_match=headers["etag"])[0] == 304
        assert b"all.xml" in ask(port, "/")[2]
        assert ask(port, "/all.xml", host="feeds.desk.example")[0] == 200
        for host in ("evil.example", "", "127.0.0.1.evil.example"):
            assert ask(port, "/all.xml", host=host)[0] == 421
        for path in ("/../secret.txt", "/secret.txt", "/%2e%2e/secret.xml", "/.lock", "/none.xml", "//etc/passwd"):
            assert ask(port, path)[0] == 404
