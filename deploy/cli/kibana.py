"""`vigia kibana import`: data views, saved searches and dashboards, into a Kibana."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from deploy.cli import console
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from deploy.kibana.send import Login

app = typer.Typer(no_args_is_help=True, help="Kibana: data views, saved searches and dashboards over the index.")


@app.callback()
def _noun() -> None:
    """Kibana: data views, saved searches and dashboards over the index."""


@app.command("import")
def import_(
    url: Annotated[str, typer.Option(help="Where Kibana is, with its basePath.")] = "http://127.0.0.1:5601",
    space: Annotated[str | None, typer.Option(help="A space's id; none: the default space.")] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help="A file with an API key (encoded); none: VIGIA_KIBANA_API_KEY, if set.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="A user instead; the password is in VIGIA_KIBANA_PASSWORD.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust, PEM.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be imported, and ask nobody.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Put Vigía's dashboards into Kibana 9: vigia kibana import --url https://kibana.example:5601 --api-key-file key.

    Again after an update: what is there under the same ids is replaced, so change copies. Exit 1 when Kibana refused
    some of it. What they show is in docs/kibana.md.
    """
    from deploy.kibana.build import FILE, objects
    from deploy.kibana.send import send

    if dry_run:
        rows = [{"type": one["type"], "id": one["id"], "title": one["attributes"]["title"]} for one in objects()]
        if as_json:
            console.print_json(rows)
        for row in () if as_json else rows:
            console.console.print(
                f"{row['type']:<14} {row['id']:<28} {row['title']}", markup=False, highlight=False, soft_wrap=True
            )
        return
    login = _login(api_key_file, user)
    done = send(FILE.read_text(encoding="utf-8"), url, space=space, login=login, ca_file=ca_file)
    if as_json:
        faults = [{"type": fault.kind, "id": fault.id, "why": fault.why} for fault in done.faults]
        console.print_json({"imported": done.taken, "refused": faults})
    else:
        for fault in done.faults:
            console.stderr.print(f"{fault.kind} {fault.id}: {fault.why}", markup=False, highlight=False, soft_wrap=True)
        console.console.print(f"{done.taken} objects imported, {len(done.faults)} refused", highlight=False)
    if done.faults:
        raise typer.Exit(1)


def _login(api_key_file: Path | None, user: str | None) -> "Login":
    from deploy.kibana.send import Login

    if user is not None:
        password = os.environ.get("VIGIA_KIBANA_PASSWORD")
        if not password:
            raise ConfigError("--user", "has no password", remedy="Set VIGIA_KIBANA_PASSWORD")
        return Login(user=user, password=SecretStr(password))
    key = os.environ.get("VIGIA_KIBANA_API_KEY", "")
    if api_key_file is not None:
        try:
            key = api_key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(str(api_key_file), f"could not be read: {reason}") from None
    return Login(api_key=SecretStr(key)) if key else Login()
