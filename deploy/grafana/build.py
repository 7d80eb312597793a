"""`python -m deploy.grafana.build`: writes the dashboards, which are committed; a test says when they are old."""

import json
from pathlib import Path

from deploy.grafana.boards import alerts, feeds, model, pipeline

FOLDER = Path(__file__).parent


def files() -> dict[Path, str]:
    """Each dashboard's file and what is in it."""
    boards = {"pipeline": pipeline(), "feeds": feeds(), "model": model(), "alerts": alerts()}
    return {
        FOLDER / f"{name}.json": json.dumps(board, indent=2, ensure_ascii=False) + "\n"
        for name, board in boards.items()
    }


if __name__ == "__main__":
    for file, text in files().items():
        file.write_text(text, encoding="utf-8")
