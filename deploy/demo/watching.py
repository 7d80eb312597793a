"""What a demonstration tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.state import PartState
from schemas.alert import Alert


@dataclass(frozen=True)
class Watching:
    """Where it tells it; `on_download` hears bytes done and bytes in all."""

    say: Callable[[str], None]
    on_part: Callable[[PartState], None]
    on_alert: Callable[[Alert], None]
    on_download: Callable[[int, int], None] | None = None
