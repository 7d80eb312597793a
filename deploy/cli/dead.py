"""`vigia dead`: what could not be processed: see it, put it back, or be done with it."""

import getpass
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from deploy.cli import console
from deploy.cli.moment import parse_moment
from deploy.cli.running import running_settings
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from flows.deadletters import Asked, Handled, Held

app = typer.Typer(no_args_is_help=True, help="What could not be processed: see it, put it back, be done with it.")

Stream = Annotated[str | None, typer.Option(help="Only those of this stream, such as news.articles.")]
Stage = Annotated[str | None, typer.Option(help="Only those that this worker gave up, such as classify.")]
ErrorName = Annotated[str | None, typer.Option("--error", help="Only those of this error class, such as WireError.")]
Since = Annotated[str | None, typer.Option(help="Only those given up since: 36h, 7d, or a date.")]
Article = Annotated[str | None, typer.Option("--article", help="Only those about this article id.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Letters by their id, as `list` shows it: 0-17.", metavar="ID")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing: say what would be done.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
All = Annotated[bool, typer.Option("--all", help="Every letter that is not marked yet, when no filter is given.")]


@app.callback()
def _noun() -> None:
    """What could not be processed: see it, put it back, be done with it."""


@app.command("list")
def list_letters(
    stream: Stream = None,
    stage: Stage = None,
    error: ErrorName = None,
    since: Since = None,
    article: Article = None,
    marked: Annotated[bool, typer.Option("--marked", help="Those replayed or dropped already, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest letters with their reason: vigia dead list --error WireError --since 2d.

    `vigia dead show ID` has all of one. Exit code 0, whether or not there are any.
    """
    from flows.deadletters import letters_of

    asked = _asked(None, stream, stage, error, since, article, marked=marked)
    found: deque[Held] = deque(maxlen=limit)
    count, unreadable = 0, 0
    for batch in letters_of(running_settings()):
        wanted = [held for held in batch if held is not None and asked.wants(held)]
        unreadable += sum(1 for held in batch if held is None)
        count += len(wanted)
        found.extend(wanted)
    if as_json:
        console.print_json({"count": count, "unreadable": unreadable, "letters": [_row(held) for held in found]})
        return
    if found:
        console.console.print(_table(list(found)))
    more = f", the newest {len(found)} shown" if count > len(found) else ""
    console.stderr.print(f"{count} dead letters{more}" if count else "no dead letters")
    if unreadable:
        console.stderr.print(f"{unreadable} more can't be read by this version: upgrade it")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="Its id, as `list` shows it: 0-17.", metavar="ID")],
    raw: Annotated[bool, typer.Option("--raw", help="The message's bytes alone, untouched, on stdout.")] = False,
    as_json: AsJson = False,
) -> None:
    """Everything about one letter, the message included: vigia dead show 0-17 --raw | jq ."""
    from flows.deadletters import letters_of

    found = next(
        (h for batch in letters_of(running_settings()) for h in batch if h is not None and h.id == letter), None
    )
    if found is None:
        raise ConfigError(
            repr(letter), "is no dead letter that can be read", remedy="`vigia dead list` shows their ids"
        )
    if raw:
        sys.stdout.buffer.write(found.letter.value or b"")
        return
    row = _row(found) | {"key": _text(found.letter.key), "value": _text(found.letter.value)}
    if as_json:
        console.print_json(row)
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in row.items():
        if name == "value" and value is None:
            value = f"kept by reference: it lies on its stream, {found.letter.value_bytes} bytes"
        if value not in {None, ""}:
            table.add_row(name, _inert(str(value)))
    console.console.print(table)


@app.command()
def replay(
    ids: Ids = None,
    stream: Stream = None,
    stage: Stage = None,
    error: ErrorName = None,
    since: Since = None,
    article: Article = None,
    everything: All = False,
    again: Annotated[bool, typer.Option("--again", help="Those replayed or dropped already, too.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put messages back on their stream, byte for byte, each once: vigia dead replay --error WireError --dry-run.

    Do so once what stopped them is mended, such as after an upgrade that knows their schema version. Everything after
    the stream takes the same message twice for one. What fails again becomes a new letter that counts its replays. Exit
    code 1: some could not be sent; 2: neither an id, a filter nor --all was given.
    """
    from flows.deadletters import replay_letters

    asked = _chosen(ids, stream, stage, error, since, article, everything=everything, marked=again)
    with _counting("put back") as told:
        done = replay_letters(running_settings(), asked, who=_who(), at_ms=_now_ms(), dry_run=dry_run, told=told)
    _said(done, "would be put back" if dry_run else "put back", as_json=as_json)


@app.command()
def drop(
    why: Annotated[str, typer.Option(help="The reason, kept with the letter.")],
    ids: Ids = None,
    stream: Stream = None,
    stage: Stage = None,
    error: ErrorName = None,
    since: Since = None,
    article: Article = None,
    everything: All = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Be done with letters: vigia dead drop 0-17 --why "a test of ours".

    They are marked with the time, your name and the reason, and no longer listed or replayed; nothing is deleted, and
    `vigia dead replay ID --again` still brings one back.
    """
    from flows.deadletters import drop_letters

    if not why.strip():
        raise ConfigError("--why", "is empty", remedy="Say in a few words why these may be left out")
    asked = _chosen(ids, stream, stage, error, since, article, everything=everything, marked=False)
    with _counting("dropped") as told:
        done = drop_letters(
            running_settings(), asked, who=_who(), why=why.strip()[:1000], at_ms=_now_ms(), dry_run=dry_run, told=told
        )
    _said(done, "would be dropped" if dry_run else "dropped", as_json=as_json)


def _asked(
    ids: list[str] | None,
    stream: str | None,
    stage: str | None,
    error: str | None,
    since: str | None,
    article: str | None,
    *,
    marked: bool,
) -> "Asked":
    from flows.deadletters import Asked

    begin = parse_moment(since, now=datetime.now(UTC)) if since else None
    return Asked(frozenset(ids or ()), stream, stage, error, article, begin, marked)


def _chosen(ids: list[str] | None, *filters: str | None, everything: bool, marked: bool) -> "Asked":
    stream, stage, error, since, article = filters
    if not (ids or any(filters) or everything):
        raise ConfigError("which letters", "is not said", remedy="Name ids, give a filter such as --error, or --all")
    return _asked(ids, stream, stage, error, since, article, marked=marked)


def _row(held: "Held") -> dict[str, Any]:
    letter, mark = held.letter, held.mark
    return {
        "id": held.id,
        "at": datetime.fromtimestamp(letter.at_ms / 1000, UTC).isoformat(timespec="seconds"),
        "stage": letter.stage,
        "stream": letter.stream,
        "partition": letter.partition,
        "offset": letter.offset,
        "error": letter.error,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "article_id": held.article_id,
        "trace_id": letter.trace_id,
        "stack_hash": letter.stack_hash,
        "bytes": letter.value_bytes,
        "mark": None if mark is None else mark.done,
        "marked_by": None if mark is None else mark.who,
        "marked_at": None
        if mark is None
        else datetime.fromtimestamp(mark.at_ms / 1000, UTC).isoformat(timespec="seconds"),
        "why": None if mark is None else mark.why,
    }


def _table(found: "list[Held]") -> Table:
    table = Table(box=None)
    for name in ("id", "when (UTC)", "worker", "from", "tries", "error", "reason"):
        table.add_column(name, overflow="fold", no_wrap=name != "reason")
    for held in found:
        letter = held.letter
        table.add_row(
            held.id,
            datetime.fromtimestamp(letter.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
            _inert(letter.stage),
            f"{_inert(letter.stream)}:{letter.partition}:{letter.offset}",
            f"{letter.attempts}" + (f" (replayed {letter.replays}×)" if letter.replays else ""),
            _inert(letter.error) + (f" ({held.mark.done})" if held.mark else ""),
            _inert(letter.reason[:200]),
        )
    return table


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _inert(text: str) -> str:
    """Text of whoever wrote it, which may neither move the cursor nor be taken for markup."""
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


@contextmanager
def _counting(verb: str) -> "Iterator[Callable[[Handled], None]]":
    with console.progress() as display:
        task = display.add_task(f"dead letters {verb}", total=None)

        def told(progress: "Handled") -> None:
            display.update(task, completed=progress.done, total=progress.read)

        yield told


def _said(done: "Handled", verb: str, *, as_json: bool) -> None:
    if as_json:
        console.print_json(done.model_dump())
    else:
        console.console.print(f"{done.read} read: {done.done} {verb}, {done.passed} passed, {done.refused} refused")
    if done.refused:
        raise typer.Exit(1)


def _who() -> str:
    try:
        return getpass.getuser()[:200]
    except (OSError, KeyError):
        return "unknown"


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
