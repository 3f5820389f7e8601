"""Types are made ready before there are threads: msgspec crashes the process when two of them decode a new type at once."""

import subprocess
import sys

STORY = """
import contextlib, sys, threading
import msgspec
import tallybook.app, tallybook.delivery.process
from tallybook.wire.json import make_types_ready

def kinds(kind):
    for one in kind.__subclasses__():
        yield one
        yield from kinds(one)

def decode_all():
    begin.wait()
    for kind in every:
        with contextlib.suppress(msgspec.ValidationError, TypeError):
            msgspec.json.decode(b"{}", type=kind)

every = list(kinds(msgspec.Struct))
make_types_ready()
sys.setswitchinterval(1e-6)
begin = threading.Event()
threads = [threading.Thread(target=decode_all) for _ in range(8)]
for one in threads:
    one.start()
begin.set()
for one in threads:
    one.join()
print(len(every))
"""


def test_threads_that_meet_a_type_at_once_do_not_crash() -> None:
    """Eight threads decode everything there is, all at once, as the first thing they do."""
    done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=False)
    assert (done.returncode, int(done.stdout or 0) > 200) == (0, True), done.stderr
