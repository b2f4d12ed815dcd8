"""What is left when a process is killed at any of its steps on the disk."""

import os
import sys
import warnings

SKIP = "needs os.fork" if not hasattr(os, "fork") else ""
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


def killed_at(step, work):
    """Run `work` in a child that is gone at its `step`-th look at the disk; whether it was, or had come to its end."""
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
                if left < 0:
                    os._exit(9)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def at_every_step(work):
    """Kill `work` at its first step, its second, and so on, and yield after each."""
    step = 0
    while killed_at(step, work):
        yield step
        step += 1
    assert step >= 3, "hardly a step was seen"
