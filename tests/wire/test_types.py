"""Types are made ready before there are threads: msgspec crashes the process when two of them decode a new type at once."""

import subprocess
import sys

STORY = """
import sys, threading
from datetime import datetime
import msgspec
from tallybook.wire.json import make_types_ready

links = {-1: int}
for number in range(60):
    class Link(msgspec.Struct, kw_only=True):
        inner: links[number - 1] | None = None
        names: list[str] | None = None
        at: datetime | None = None
    links[number] = Link
del links[-1]
if "ready" in sys.argv:
    make_types_ready()

NESTED = b'{"inner":{"inner":{"names":["a"]}}}'

def decode_all():
    begin.wait()
    for link in list(links.values())[:3:-1]:
        msgspec.json.decode(NESTED, type=link)

sys.setswitchinterval(1e-6)
begin = threading.Event()
threads = [threading.Thread(target=decode_all) for _ in range(8)]
for one in threads:
    one.start()
begin.set()
for one in threads:
    one.join()
"""


def test_threads_that_meet_a_type_at_once_do_not_crash() -> None:
    """Eight threads decode a chain of sixty new types, as the first thing they do. Without the readiness this crashes."""
    run = [sys.executable, "-c", STORY, "ready"]
    assert [subprocess.run(run, check=False).returncode for _ in range(3)] == [0, 0, 0]
