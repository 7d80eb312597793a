"""`vigia channels`: where alerts go, whether they arrive there, and their feeds over HTTP."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.table import Table

from deploy.cli import console
from schemas.channel import (
    AppriseChannel,
    AtomChannel,
    ChannelSettings,
    EmailChannel,
    TelegramChannel,
    WebhookChannel,
)
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.message import Language
from schemas.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Where alerts go, and whether they arrive there.")


@app.callback()
def _noun() -> None:
    """Where alerts go, and whether they arrive there."""


@app.command("list")
def list_channels(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """The channels of notify.channels: kind, where they lead (never a token), rate. Exit code 1 when there are none."""
    settings = load_settings()
    rows = [_row(channel, settings) for channel in settings.notify.channels]
    if as_json:
        console.print_json(rows)
    else:
        table = Table(box=None)
        for column in ("name", "kind", "to", "language", "a minute", "for"):
            table.add_column(column)
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        if rows:
            console.console.print(table)
    if not rows:
        console.stderr.print("There are no channels. docs/delivery.md shows how to add one to vigia.toml.")
        raise typer.Exit(1)


@app.command("test")
def try_channel(
    name: Annotated[str, typer.Argument(help="A name of notify.channels.")],
    language: Annotated[Language | None, typer.Option(help="en or es; none: the channel's.")] = None,
) -> None:
    """Send a test message by the channel, and say how that went: vigia channels test desk.

    The message holds characters that a channel must leave alone. Exit code 0: it was taken; 1: it wasn't (and why);
    2: the channel's settings are wrong.
    """
    from consumers.channels.compose import of_test  # here, as the libraries behind it take a moment to load
    from consumers.channels.send import check_channel, send

    settings = load_settings()
    channel = _named(name, settings)
    check_channel(channel)
    started = time.monotonic()
    now = datetime.now(UTC)
    message = of_test(name, language or channel.language, now)
    try:
        with _quiet():
            sent = send(message, channel, settings=settings.notify, now=now)
    except Unavailable as error:
        wait = f" It asks to be left alone for {error.after:.0f} s." if error.after else ""
        console.stderr.print(f"{name} did not take it: {error.reason}.{wait} An alert would be tried again.")
        raise typer.Exit(1) from None
    except DeliveryRefused as error:
        console.stderr.print(f"{name} refused it: {error.reason}. An alert would become a dead letter.")
        raise typer.Exit(1) from None
    plain = ", as plain text only" if sent.plain else ""
    took = f"{time.monotonic() - started:.1f} s"
    console.console.print(f"{name} ({channel.kind}) took the test message{plain}, {took}: {message.message_id}")


@app.command()
def serve(
    name: Annotated[str, typer.Argument(help="A channel of kind atom.")],
    listen: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:9630",
    host: Annotated[list[str] | None, typer.Option(help="A name by which readers call it; may be repeated.")] = None,
) -> None:
    """Serve the feeds of an atom channel over HTTP until Ctrl-C: /all.xml, and /RULE.xml for each rule.

    A request that names another host than this machine or one of --host is refused. There is no TLS and no password:
    put a web server that has them in front, or let it serve the channel's folder itself.
    """
    from consumers.channels.feed_server import open_server

    channel = _named(name, load_settings())
    if not isinstance(channel, AtomChannel):
        raise ConfigError(f"notify.channels, {name}", f"is of kind {channel.kind}", remedy="Name one of kind atom")
    address, _, port = listen.rpartition(":")
    if not address or not port.isdigit():
        raise ConfigError("--listen", f"{listen!r} is not host:port", remedy="Write it as 127.0.0.1:9630")
    try:
        server = open_server(channel.folder, host=address.strip("[]"), port=int(port), names=host or ())
    except (OSError, OverflowError) as error:
        raise ConfigError("--listen", f"{listen}: {error}", remedy="Choose another port") from None
    console.stderr.print(f"Feeds of {channel.folder} on http://{listen}/ until Ctrl-C")
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log's own lines: what happened is told in words."""
    import structlog

    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before) if before else structlog.reset_defaults()


def _named(name: str, settings: Settings) -> ChannelSettings:
    for channel in settings.notify.channels:
        if channel.name == name:
            return channel
    there = ", ".join(channel.name for channel in settings.notify.channels) or "none"
    raise ConfigError("notify.channels", f"there is no channel {name!r}", remedy=f"There is {there}")


def _row(channel: ChannelSettings, settings: Settings) -> dict[str, Any]:
    rate = "–" if channel.per_minute is None else f"{channel.per_minute:g}"
    use = "trouble (ops.channel)" if settings.ops.channel == channel.name else "alerts"
    return {
        "name": channel.name,
        "kind": channel.kind,
        "to": _place(channel),
        "language": channel.language.value,
        "a_minute": rate,
        "for": use,
    }


def _place(channel: ChannelSettings) -> str:
    """Where it leads, without what may be a secret: of a URL its host only."""
    match channel:
        case EmailChannel():
            return f"{', '.join(channel.to)} by {channel.host}:{channel.port} ({channel.security})"
        case TelegramChannel():
            return f"{channel.chat} by {urlsplit(channel.url).hostname}"
        case AtomChannel():
            return str(channel.folder)
        case AppriseChannel():
            return f"{channel.url.get_secret_value().partition(':')[0]}://…"
        case WebhookChannel():
            signed = "signed" if channel.secret is not None else "unsigned"
            return f"{_host(channel.url.get_secret_value())}, {signed}"
        case _:
            return _host(channel.url.get_secret_value())


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
