"""What is left when a process is killed, or interrupted, at any of its steps on the disk."""

import os
import sys
import warnings

SKIP = "needs os.fork" if not hasattr(os, "fork") else ""
_ENDED = 9
_STEPS = (
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.listdir",
    "os.scandir",
    "shutil.rmtree",
)


def _gone():
    os._exit(_ENDED)


def _interrupted():
    raise KeyboardInterrupt


def ended_at(step, work, end):
    """Run `work` in a child that ends at its `step`-th look at the disk; whether it did, or had come to its end."""
    with warnings.catch_warnings():
        # Threads of libraries do not live on in the child, which uses none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        left = step

        def count(event, _arguments):
            nonlocal left
            if event in _STEPS:
                left -= 1
                if left == -1:
                    end()

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(_ENDED if left < 0 else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _ENDED


def at_every_step(work, *, interrupted=False):
    """Kill `work` at its first step, its second, and so on, and yield after each; or interrupt it, once each time."""
    step = 0
    while ended_at(step, work, _interrupted if interrupted else _gone):
        yield step
        step += 1
    assert step >= 3, "hardly a step was seen"
