"""The child process in which hostile bytes are read: feeds parsed, pages extracted, articles assembled.

`python -m flows.feeds.reader`. Requests come on standard input, answers go out on standard output, each as two 32-bit
lengths, a JSON head and a body; before an answer goes one byte that says that the job has begun. Files, and each job's
memory and CPU, are limited by the kernel; time on the clock is the parent's to watch.
"""

import json
import os
import resource
import struct
import sys
from typing import Any

from flows.feeds import jobs
from flows.feeds.budget import cpu_within, memory_within

FRAME = struct.Struct(">II")
BEGUN = b"\x06"

MEMORY_BYTES = 1_500_000_000
"""Of address space in all, shared libraries included; what is resident is far less."""


def main() -> None:
    """Answer until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # a library that prints must not speak into the answers
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    while (frame := requests.read(FRAME.size)) and len(frame) == FRAME.size:
        head_bytes, body_bytes = FRAME.unpack(frame)
        head: dict[str, Any] = json.loads(requests.read(head_bytes))
        body = requests.read(body_bytes)
        jobs.prepare(head)
        answers.write(BEGUN)
        answers.flush()
        with memory_within(head["memory_bytes"], at_most=MEMORY_BYTES), cpu_within(head["cpu_s"]):
            outcome, answer = jobs.answer(head, body)
        told = outcome.encode()
        answers.write(FRAME.pack(len(told), len(answer)) + told + answer)
        answers.flush()


if __name__ == "__main__":
    main()
