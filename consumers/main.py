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
from typing import Any, Literal

import structlog

from consumers import faults
from consumers.handling import NO_SECRETS
from consumers.health import Health, serve
from consumers.stages import STAGES
from consumers.worker import run
from schemas.errors import ConfigError, VigiaError
from schemas.redact import Redactor, redactor_of
from schemas.settings import load_settings

log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stage that is named; returns the exit code."""
    named = list(sys.argv[1:] if arguments is None else arguments)
    log_to_stderr()
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
        log_to_stderr(settings.worker.log, redactor_of(settings))
        for fault in faults.arm(os.environ.get(faults.VARIABLE)):
            log.warning("fault.armed", point=fault.point, n=fault.nth, action=fault.action)
        worker = settings.worker
        with serve(health, worker.health_port, host=worker.health_host, names=worker.health_names) as port:
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


def log_to_stderr(form: Literal["json", "text"] = "json", redactor: Redactor = NO_SECRETS) -> None:
    """Send events to stderr, one JSON object or one line of text each, freed of secrets; of the libraries, warnings."""

    def clean(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {name: redactor.clean(value) if isinstance(value, str) else value for name, value in event.items()}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    rendered: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "text":
        rendered = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )

    def renderer(logger: Any, name: str, event: structlog.typing.EventDict) -> str:
        # again, as a list or a mapping may hold one as well
        return redactor.clean(str(rendered(logger, name, event)))

    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,  # the form changes once the settings are read
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, clean, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


if __name__ == "__main__":
    sys.exit(main())
