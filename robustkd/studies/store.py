"""Finished jobs on disk: complete and verified, or absent."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from robustkd.atomic import sync, write_text
from robustkd.studies.plan import Job

JOB_FILE = "job.json"


class Store:
    """The folder ``RUN/jobs``.

    Args:
        root: That folder; need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, job: Job) -> Path | None:
        """Find the folder of a finished job.

        Args:
            job: The job; its name does not matter, only what determines its result.

        Returns:
            The folder, every file of which has the hash that was recorded; None if there is none such.
        """
        folders = sorted(self._root.glob(f"*-{job.id[:16]}"))
        return next((folder for folder in folders if _intact(folder, job)), None)

    @contextmanager
    def writing(self, job: Job, about: dict[str, Any]) -> Iterator[Path]:
        """Give a folder to write a job's files to; it becomes the job's when all is done, and goes on an error.

        Args:
            job: The job.
            about: What else to record of it; may be filled while the job runs.

        Yields:
            A temporary folder.
        """
        partial = self._root / f".{job.folder}.{uuid4().hex}.partial"
        partial.mkdir(parents=True)
        try:
            yield partial
            files = {file.name: _sha256(file) for file in sorted(partial.iterdir())}
            record: dict[str, Any] = {"id": job.id, "name": job.name, "role": job.role, "settings": job.settings}
            record |= {"teacher": job.teacher.id if job.teacher else None, "files": files, **about}
            write_text(partial / JOB_FILE, json.dumps(record, indent=2, sort_keys=True) + "\n")
            for file in partial.iterdir():
                sync(file)
            sync(partial)
            target = self._root / job.folder
            if target.exists():  # damaged, or it would have been found
                shutil.rmtree(target)
            os.replace(partial, target)
            sync(self._root)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _intact(folder: Path, job: Job) -> bool:
    try:
        record = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
        return record["id"] == job.id and all(
            _sha256(folder / name) == digest for name, digest in record["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sha256(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
