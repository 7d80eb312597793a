"""Which messages were on their way: one that is sent again after a kill, or after an answer got lost, says so itself.

A file in a folder of the home for each message and channel, made before it is sent, taken away when it surely was not
taken. A file outlives a killed process at once, without an fsync; a power cut or another machine may lose the mark, not
the message. A receiver that drops repeats by itself (the signed webhook, the feeds) needs none.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.identity import digest

KEPT_S = 2 * 86_400.0
"""No message is tried for longer than this."""


@dataclass
class Attempts:
    """The folder; none until one is opened: then nothing is noted and nothing is marked."""

    folder: Path | None = None

    def open(self, folder: Path) -> None:
        """Use the folder, and drop what is too old to be tried again. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > KEPT_S:
                    file.unlink()
        self.folder = folder

    def begin(self, message_id: str, channel: str) -> bool:
        """Note that the message leaves now; whether it was on its way before. Raises OSError."""
        if self.folder is None:
            return False
        try:
            self._file(self.folder, message_id, channel).touch(exist_ok=False)
        except FileExistsError:
            return True
        return False

    def fail(self, message_id: str, channel: str) -> None:
        """It surely was not taken."""
        if self.folder is not None:
            self._file(self.folder, message_id, channel).unlink(missing_ok=True)

    @staticmethod
    def _file(folder: Path, message_id: str, channel: str) -> Path:
        return folder / digest("attempt", message_id, channel)
