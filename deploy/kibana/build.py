"""`python -m deploy.kibana.build`: writes vigia.ndjson, which is committed; a test says when it is not current."""

import json
from pathlib import Path

from deploy.kibana.boards import boards
from deploy.kibana.objects import Object
from deploy.kibana.views import searches, views

FILE = Path(__file__).with_name("vigia.ndjson")


def objects() -> list[Object]:
    """Everything that is imported: what is referred to before what refers to it, charts before their dashboard."""
    return [*views(), *searches(), *boards()]


def ndjson() -> str:
    """One object a line, its keys in order, so that a change shows as one changed line."""
    return "".join(json.dumps(one, ensure_ascii=False, sort_keys=True) + "\n" for one in objects())


if __name__ == "__main__":
    FILE.write_text(ndjson(), encoding="utf-8")
