"""The store of finished jobs on disk: each is complete and verified, or absent."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout

from robustkd.atomic import sync, write_text
from robustkd.errors import StudyError
from robustkd.studies.job import Job
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.training import HISTORY_FILE

JOB_FILE = "job.json"
JOB_FILE_DIGEST = "sha256"
"""The key in `JOB_FILE` of the SHA-256 over the rest of its content."""
NEEDED_FILES = (MODEL_FILE, HISTORY_FILE)
"""The files that a finished job must have."""
HASH_LENGTH = 16
"""The number of digits of a job's id in the names of files and folders."""
_HASH = re.compile(rf"^\.+([0-9a-f]{{{HASH_LENGTH}}})\.")
"""The start of the name of a half-written file or folder, as in ``.0123456789abcdef.….partial``."""


class Store:
    """The folder ``RUN/jobs``, or a folder that several studies share.

    Besides the folders of finished jobs it holds hidden files: the states of unfinished trainings, the errors of failed
    ones, and an empty file for each lock.

    Args:
        root: The folder; need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def scan(self) -> dict[str, Path]:
        """List the jobs that seem complete, without reading checkpoints: `find` detects damaged ones.

        Returns:
            The folder of each job, by its id.
        """
        return {str(record["id"]): folder for folder, record in self._complete()}

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the records of all jobs that seem complete, by job id, without reading checkpoints."""
        return {str(record["id"]): record for _, record in self._complete()}

    def find(self, job: Job) -> Path | None:
        """Find the folder of a finished job.

        Args:
            job: The job; only its id matters, not its name.

        Returns:
            A folder in which every file has the recorded hash; None if there is none.
        """
        return next((folder for folder in self._folders(job) if _damage(folder, job) is None), None)

    def damage(self, job: Job) -> str | None:
        """Return what is wrong with a stored job that cannot be used; None if nothing is wrong."""
        return next((damage for folder in self._folders(job) if (damage := _damage(folder, job))), None)

    def record(self, job: Job) -> dict[str, Any]:
        """Return the record of a finished job: settings, files, and what `put` added."""
        folder = self.find(job)
        if folder is None:
            raise StudyError(f"{self.root}: {job.folder} is missing or damaged")
        return _record(folder)

    def put(self, job: Job, files: Mapping[str, bytes], about: Mapping[str, Any]) -> Path:
        """Write a finished job completely or not at all, and replace a damaged or failed one.

        Args:
            job: The job.
            files: The content of each file, by its name.
            about: Further values to record.

        Returns:
            The folder of the job.
        """
        partial = self.root / f".{job.id[:HASH_LENGTH]}.{uuid4().hex}.partial"
        partial.mkdir(parents=True)
        try:
            for name, content in files.items():
                (partial / name).write_bytes(content)
                sync(partial / name)
            record: dict[str, Any] = {"id": job.id, "name": job.name, "role": job.role, "settings": job.settings}
            record |= {"teachers": [teacher.id for teacher in job.teachers], "teaching": job.teaching}
            record |= {"condition": job.label}
            record["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            write_text(partial / JOB_FILE, _sealed(record | dict(about)))
            sync(partial)
            for held in self._folders(job):  # these are damaged, otherwise `find` had found the job
                shutil.rmtree(held)
            os.replace(partial, self.root / job.folder)
            sync(self.root)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self.state_path(job).unlink(missing_ok=True)
        self._failure_path(job).unlink(missing_ok=True)
        return self.root / job.folder

    def state_path(self, job: Job) -> Path:
        """Return the path of the file for the state of an unfinished training."""
        return self.root / f".{job.id[:HASH_LENGTH]}.state"

    def failure(self, job: Job) -> str | None:
        """Return the error of a failed job; None if it did not fail, or was done since."""
        try:
            return str(json.loads(self._failure_path(job).read_text(encoding="utf-8"))["error"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put_failure(self, job: Job, error: str) -> None:
        """Record that a job failed. Its state stays, so that a killed training can continue."""
        content = {"id": job.id, "name": job.name, "error": error}
        write_text(self._failure_path(job), json.dumps(content, indent=2) + "\n")

    def forget_failure(self, job: Job) -> None:
        """Allow a failed job to run again."""
        self._failure_path(job).unlink(missing_ok=True)

    def clean(self, job: Job) -> None:
        """Remove half-written files that a killed process left of a job; only the holder of its lock may call this."""
        _remove(self._partials().get(job.id[:HASH_LENGTH], []))

    def sweep(self) -> None:
        """Remove half-written files that killed processes left of any job.

        Jobs that are running in any process keep theirs: their locks are held.
        """
        for short in self._partials():
            lock = self._lock(short)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                _remove(self._partials().get(short, []))  # read again, now under the lock
            finally:
                lock.release()

    def lock(self, job: Job) -> BaseFileLock:
        """Return the lock of a job; it is released when the process that holds it ends."""
        return self._lock(job.id[:HASH_LENGTH])

    def _lock(self, short: str) -> BaseFileLock:
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / short)

    def _partials(self) -> dict[str, list[Path]]:
        """The half-written files and folders, by the first digits of the job's id."""
        found: dict[str, list[Path]] = {}
        for path in self.root.glob(".*.partial"):
            if (named := _HASH.match(path.name)) is not None:
                found.setdefault(named[1], []).append(path)
        return found

    def _complete(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder in sorted(self.root.glob("[!.]*-" + "[0-9a-f]" * HASH_LENGTH)):
            try:
                record = _record(folder)
            except _DamageError:
                continue
            if all((folder / name).is_file() for name in record["files"]):
                yield folder, record

    def _folders(self, job: Job) -> list[Path]:
        return sorted(self.root.glob(f"[!.]*-{job.id[:HASH_LENGTH]}"))

    def _failure_path(self, job: Job) -> Path:
        return self.root / f".{job.id[:HASH_LENGTH]}.failed.json"


class _DamageError(Exception):
    """A stored job cannot be used; the message is the reason."""


def _record(folder: Path) -> dict[str, Any]:
    """Read the record of a job, and raise an error if it was changed."""
    digest = None
    try:
        record = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
        digest = record.get(JOB_FILE_DIGEST)
        usable = isinstance(record["id"], str) and isinstance(record["files"], dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise _DamageError(f"{folder.name}: its {JOB_FILE} is missing or cannot be read")
    if digest is None:
        raise _DamageError(f"{folder.name}: its {JOB_FILE} has no checksum (an older robustkd wrote it)")
    if digest != _record_digest(record):
        raise _DamageError(f"{folder.name}: its {JOB_FILE} was changed after it was written")
    for name in NEEDED_FILES:
        if name not in record["files"]:
            raise _DamageError(f"{folder.name}: its {JOB_FILE} does not list {name}")
    return cast(dict[str, Any], record)


def _sealed(record: Mapping[str, Any]) -> str:
    """Return the text of a record with its checksum."""
    content = json.loads(json.dumps(record))  # as it will read back
    return json.dumps(content | {JOB_FILE_DIGEST: _record_digest(content)}, indent=2, sort_keys=True) + "\n"


def _record_digest(record: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in record.items() if key != JOB_FILE_DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _damage(folder: Path, job: Job) -> str | None:
    try:
        record = _record(folder)
    except _DamageError as damage:
        return str(damage)
    if record["id"] != job.id:
        return f"{folder.name}: holds another job"
    for name, digest in record["files"].items():
        try:
            held = _sha256(folder / name)
        except OSError:
            return f"{folder.name}: {name} is missing"
        if held != digest:
            return f"{folder.name}: {name} is damaged"
    return None


def _remove(partials: Iterable[Path]) -> None:
    for left in partials:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
