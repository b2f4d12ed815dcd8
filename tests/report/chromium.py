"""Runs a headless Chromium for the tests, with a limit on its time, without network or profile."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
DARK, LIGHT = 0, 1
"""Values of Blink's `preferredColorScheme`."""

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
]


def find_browser():
    """Path of a browser: that of $CHROMIUM, or the first known name; None if there is none."""
    wanted = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [wanted, *NAMES] if wanted else NAMES)), None)


def run_browser(page, *flags, width=1280, height=900, scheme=LIGHT):
    """Open a local page; returns standard output and the console's lines."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.run(
            [
                find_browser(),
                *_FLAGS,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--blink-settings=preferredColorScheme={scheme}",
                *flags,
                Path(page).resolve().as_uri(),
            ],
            input="",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    console = [line for line in process.stderr.splitlines() if "CONSOLE" in line]
    return process.stdout, console


_FRAME = """<!DOCTYPE html><title></title>
<body style="margin: 0"><iframe src="page.html" style="width: {width}px; height: 900px; border: 0">
</iframe><script>addEventListener("message", e => document.title = e.data)</script>"""

_ASK = """<script>
const violations = [], errors = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.blockedURI));
window.addEventListener("error", e => errors.push(e.message));
window.addEventListener("load", () => {{
  const answer = {{value: {script}, violations, errors}};
  answer.requests = performance.getEntriesByType("resource").map(e => e.name);
  parent.postMessage(JSON.stringify(answer), "*");
}});
</script>"""


def ask_page(page, script, *, width=1280, **window):
    """What JavaScript finds in a page: the value of an expression, through a copy with a script.

    The copy may run this script and nothing else that the page itself may not; what its content
    security policy holds back is counted in ``violations``.  It stands in a frame of the asked
    width, because windows have a least one.
    """
    source = Path(page).read_text(encoding="utf-8")
    policy = "default-src 'none';"
    assert source.count(policy) == 1
    source = source.replace(policy, policy + " script-src 'unsafe-inline';")
    source = source.replace("</head>", _ASK.format(script=script) + "</head>", 1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.html").write_text(source, encoding="utf-8")
        frame = Path(folder) / "frame.html"
        frame.write_text(_FRAME.format(width=width), encoding="utf-8")
        dom, console = run_browser(
            frame, "--dump-dom", "--virtual-time-budget=10000", width=max(width, 800), **window
        )
    title = re.search(r"<title>(.+?)</title>", dom, re.DOTALL)
    assert title, f"no answer from the page; its console: {console}"
    return json.loads(html.unescape(title[1])), console
