"""The files of exports: one per export, in a folder that all workers share. They hold personal data, so nobody else may look."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class FileLost(Exception):
    """The file is shorter than what was written into it: the disk lost it, or somebody removed it."""


class ExportFiles:
    """Where the files are. The folder is made when the first one is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, export_id: str) -> Path:
        return self._folder / f"{export_id}.csv"

    @contextmanager
    def writing(self, export_id: str) -> Iterator["Writing"]:
        """The file, for one writer at a time: a worker that lost its turn while it wrote is waited for."""
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        number = os.open(self._path(export_id), os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        with os.fdopen(number, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Writing(file)

    def open(self, export_id: str) -> BinaryIO | None:
        """The file for reading; None when it is not there."""
        try:
            return self._path(export_id).open("rb")
        except FileNotFoundError:
            return None

    def remove(self, export_id: str) -> None:
        """Removes the file, if there is one."""
        self._path(export_id).unlink(missing_ok=True)


class Writing:
    """A file that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def append(self, size: int, content: bytes) -> int:
        """Puts `content` behind the first `size` bytes, in place of whatever was there; the new size, once it is on the disk.

        Raises FileLost when those bytes are not there.
        """
        if os.fstat(self._file.fileno()).st_size < size:
            raise FileLost
        self._file.truncate(size)
        self._file.seek(size)
        self._file.write(content)
        self._file.flush()
        os.fsync(self._file.fileno())
        return size + len(content)
