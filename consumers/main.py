"""python -m consumers.main STAGE: one worker, from its settings to its exit code.

Exit codes: 0 stopped as told, 1 something failed that a restart may cure, 2 a setting, a file or the command is wrong.
The first SIGTERM or SIGINT lets the batch in hand finish; a second one exits at once.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from threading import Event
from types import FrameType

import structlog

from consumers.health import Health, serve
from consumers.stages import STAGES
from consumers.worker import run
from schemas.errors import ConfigError, VigiaError
from schemas.settings import load_settings

log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stage that is named; returns the exit code."""
    named = list(sys.argv[1:] if arguments is None else arguments)
    log_as_json()
    if len(named) != 1 or named[0] not in STAGES:
        log.error("worker.unknown", reason=f"usage: python -m consumers.main {{{','.join(STAGES)}}}", given=named)
        return 2
    stage = STAGES[named[0]]
    structlog.contextvars.bind_contextvars(stage=stage.name)
    stop = Event()
    stop_on_signals(stop)
    health = Health()
    try:
        settings = load_settings()
        with serve(health, settings.worker.health_port) as port:
            log.info("worker.started", stream=stage.stream.name, health_port=port)
            run(stage, settings, stop=stop, health=health)
    except ConfigError as error:
        log.error("worker.misconfigured", reason=str(error))  # noqa: TRY400 - the message says it all
        return 2
    except VigiaError as error:
        log.error("worker.failed", reason=str(error))  # noqa: TRY400 - the message says it all
        return 1
    except Exception:
        log.exception("worker.crashed")
        return 1
    log.info("worker.stopped")
    return 0


def stop_on_signals(stop: Event) -> None:
    """Have SIGTERM and SIGINT set `stop`; when it is set already, exit at once."""

    def told(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)


def log_as_json() -> None:
    """Send events to stderr, one JSON object a line; of the libraries, warnings and worse."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


if __name__ == "__main__":
    sys.exit(main())
