"""The peak of memory of a process, watched from outside."""

import subprocess
import time
from pathlib import Path

_POLL = 0.005


def peak_of(command, env, watch=None):
    """Bytes of resident anonymous memory above those before the work, at most, and what the process printed.

    The process prints "ready", waits for a line, and works.

    Parameters
    ----------
    command : list of str
    env : mapping
    watch : callable, optional
        Called with seconds and bytes whenever these have risen by 2 %.
    """
    worker = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if worker.stdout.readline().strip() != "ready":
        raise RuntimeError("the fit did not start")
    before = peak = told = _anonymous(worker.pid)
    start = time.perf_counter()
    worker.stdin.write("go\n")
    worker.stdin.flush()
    while worker.poll() is None:
        peak = max(peak, _anonymous(worker.pid))
        if watch is not None and peak > 1.02 * told:
            told = peak
            watch(time.perf_counter() - start, peak - before)
        time.sleep(_POLL)
    if worker.returncode:
        raise RuntimeError("the fit failed")
    return peak - before, worker.stdout.read()


def _anonymous(pid):
    """Resident anonymous memory of a process, bytes; 0 once it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return 1024 * int(kilobytes[0]) if kilobytes else 0
