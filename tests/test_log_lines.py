"""Lines of the log: urgent ones at once, the others soon, all in order, and none lost at an ordinary end."""

import io
import subprocess
import sys
import time

from tallybook.log_lines import Lines, as_json

WAIT_SECONDS = 30


def test_a_line_that_is_not_urgent_comes_soon() -> None:
    """Nobody has to say anything more for it."""
    file = io.StringIO()
    Lines(file).info("one")
    until = time.monotonic() + WAIT_SECONDS
    while not file.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    assert file.getvalue() == "one\n"


def test_an_urgent_line_comes_at_once_and_after_those_before_it() -> None:
    """Whoever reads the log reads it in the order in which it was said."""
    file = io.StringIO()
    lines = Lines(file)
    lines.info("first")
    lines.debug("second")
    lines.error("third")
    assert file.getvalue() == "first\nsecond\nthird\n"


def test_the_end_of_the_process_loses_none() -> None:
    """What still waits is written when the interpreter ends."""
    program = "from tallybook.log_lines import Lines; lines = Lines(); lines.info('last')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "last\n"


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    """A closed pipe, a full disk."""
    file = io.StringIO()
    lines = Lines(file)
    file.close()
    lines.error("into the void")


def test_what_json_has_no_form_for_is_shown_as_python_shows_it() -> None:
    """Also half of a surrogate pair, which no UTF-8 can carry."""
    assert as_json({"event": "Zażółć", "at": {1}, "n": 2**70}) == '{"event":"Zażółć","at":[1],"n":1180591620717411303424}'
    assert as_json({"kind": object}) == '{"kind":"<class \'object\'>"}'
    assert as_json({"half": "\ud800"}) == '{"half": "\\ud800"}'
