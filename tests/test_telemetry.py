"""The form of the log."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from tallybook.telemetry import configure_log
configure_log("info")
structlog.get_logger().info("request", status=200)
logging.getLogger("library.part").info("not told")
logging.getLogger("library.part").warning("slow: %d s", 5)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("library.part").exception("broken")
"""


def test_everything_is_one_json_object_per_line() -> None:
    """What we say, and what libraries warn of, with its trace."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    ours, warned, broken = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["status"]) == ("request", "info", 200)
    assert (warned["event"], warned["level"], warned["logger"]) == ("library", "warning", "library.part")
    assert warned["message"] == "slow: 5 s"
    assert (broken["message"], broken["level"]) == ("broken", "error")
    assert "ZeroDivisionError" in broken["exception"]
    assert done.stdout == ""
