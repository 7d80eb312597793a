"""`vigia flow run`: a flow here and now, on the stack that runs in this home; Prefect starts the same by itself."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from deploy.cli import console
from deploy.cli.briefing import briefing
from deploy.cli.moment import parse_moment
from deploy.cli.running import running_settings
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from flows.replay import Replayed
    from flows.uptake import Progress

app = typer.Typer(no_args_is_help=True, help="The flows: what runs on a schedule, or when you say so.")
run_app = typer.Typer(no_args_is_help=True, help="Run a flow here and now.")
app.add_typer(run_app, name="run")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Since = Annotated[str, typer.Option(help="From when on: 90d, 2w, or a date such as 2026-03-01.")]
Until = Annotated[str | None, typer.Option(help="Before when; none: now.")]


@app.callback()
def _noun() -> None:
    """The flows: what runs on a schedule, or when you say so."""


@run_app.command()
def poll(
    feeds: Annotated[list[str] | None, typer.Argument(metavar="[FEED]...", help="Only these, by id.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Although they are not due.")] = False,
    as_json: AsJson = False,
) -> None:
    """Poll the sources that are due, once: vigia flow run poll elfaro --force. Exit 1 when one failed."""
    from flows.polling import poll_once
    from flows.report import Result, headline, table

    summary = asyncio.run(poll_once(running_settings(), only=feeds or None, force=force))
    if as_json:
        console.print_json(summary.model_dump(mode="json"))
    else:
        for row in table(summary):
            console.console.print(f"{row['source']}: {row['result']}, {row['new']} new {row['reason']}", markup=False)
        console.console.print(headline(summary), markup=False)
    if summary.count(Result.FAILED):
        raise typer.Exit(1)


@run_app.command()
def backfill(
    feed: Annotated[str, typer.Argument(help="The source's id.")],
    since: Since = "30d",
    until: Until = None,
    sitemap: Annotated[str | None, typer.Option(help="Another sitemap than the site's own.", metavar="URL")] = None,
    folder: Annotated[Path | None, typer.Option(help="Read the .html pages saved in it instead.")] = None,
    warc: Annotated[
        list[Path] | None,
        typer.Option(help="Read WARC files instead (.warc, .warc.gz, folders of them); may be repeated."),
    ] = None,
    archives: Annotated[
        bool, typer.Option("--archives", help="Read the archives that its feed links to instead (RFC 5005).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish what a source published earlier: vigia flow run backfill elfaro --since 2026-03-01.

    From its site's sitemap; --archives, --folder or --warc name another place. What is published so is marked historic:
    it counts in trends and raises no alert. Stopped and started again, it goes on where it was; a piece that was read
    before, here or by a poll, is passed over. Exit 1 when something is left that could not be read.
    """
    from flows.backfill import read_past
    from flows.uptake import headline

    now = datetime.now(UTC)
    begin, end = parse_moment(since, now=now), parse_moment(until, now=now) if until else now
    with console.progress() as display:
        task = display.add_task(f"pieces of {feed} published", total=None)

        def told(progress: "Progress") -> None:
            said = f"pieces of {feed} published, at {progress.at[-60:]}"
            display.update(task, completed=progress.published, total=progress.found, description=escape(said))

        done = asyncio.run(
            read_past(
                running_settings(),
                feed,
                since=begin,
                until=end,
                sitemap=sitemap,
                folder=folder,
                warc=warc or (),
                archives=archives,
                told=told,
            )
        )
    if as_json:
        console.print_json(done.model_dump())
    else:
        for note in done.notes:
            console.stderr.print(note, markup=False, highlight=False)
        console.console.print(headline(done))
    if done.left:
        raise typer.Exit(1)


@run_app.command()
def replay(
    origin: Annotated[str, typer.Argument(help="dead (letters), stream (of articles) or index.", metavar="ORIGIN")],
    since: Annotated[str | None, typer.Option(help="From when on: 90d, 2w, or a date.")] = None,
    until: Until = None,
    error: Annotated[str | None, typer.Option(help="Only dead letters of this error, such as WireError.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put messages back on their stream: vigia flow run replay dead --error WireError --dry-run.

    Everything after the stream takes the same piece twice for one. Exit 1 when some could not be sent.
    """
    from flows.replay import Origin, replay_dead, replay_index, replay_stream

    if origin not in set(Origin):
        raise ConfigError(repr(origin), "is no origin", remedy=f"Choose {', '.join(Origin)}")
    now = datetime.now(UTC)
    begin = parse_moment(since, now=now) if since else None
    settings = running_settings()
    with console.progress() as display:
        task = display.add_task("messages sent", total=None)

        def told(progress: "Replayed") -> None:
            display.update(task, completed=progress.sent, total=progress.read)

        match Origin(origin):
            case Origin.DEAD:
                done = replay_dead(settings, error=error, since=begin, dry_run=dry_run, told=told)
            case Origin.STREAM:
                done = replay_stream(settings, since=begin, dry_run=dry_run, told=told)
            case Origin.INDEX:
                first = begin or datetime(1970, 1, 1, tzinfo=UTC)
                last = parse_moment(until, now=now) if until else now
                done = replay_index(settings, since=first, until=last, dry_run=dry_run, told=told)
    if as_json:
        console.print_json(done.model_dump())
    else:
        verb = "would be sent" if dry_run else "sent"
        console.console.print(f"{done.read} read: {done.sent} {verb}, {done.passed} passed, {done.refused} refused")
    if done.refused:
        raise typer.Exit(1)


@run_app.command()
def retention(
    keep_months: Annotated[int, typer.Option(min=1, help="Months to keep, the current one counted.")] = 36,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Drop the months of the index that are too old: vigia flow run retention --keep-months 12 --dry-run."""
    from flows.retention import drop_old

    dropped = drop_old(running_settings(), keep_months=keep_months, now=datetime.now(UTC), dry_run=dry_run)
    if as_json:
        console.print_json(dropped)
        return
    for name, count in dropped.items():
        console.console.print(f"{name}: {count} documents {'would be dropped' if dry_run else 'dropped'}")
    if not dropped:
        console.console.print(f"nothing is older than {keep_months} months")


run_app.command()(briefing)
