"""The files of a case folder: where each stands, how it is read, how it is published.

Every file is written under a temporary name, flushed to disk and renamed, so that a
reader sees the old one or the new one, never half of one. `case.json` comes last: a
folder without it is incomplete.
"""

import contextlib
import fcntl
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import polars as pl

from forensic.errors import EvidenceMismatch, OutputError, UsageError
from forensic.parquet import write_frames
from forensic.place import SPILL, made
from forensic.schema import CLOCK, EVENT, GAP, REQUEST, SOURCE, UNPARSED
from forensic.visible import visible_json

__all__ = ["Case"]

_TABLES = {
    "sources": SOURCE,
    "clocks": CLOCK,
    "requests": REQUEST,
    "gaps": GAP,
    "unparsed": UNPARSED,
}


class _Hashed(io.RawIOBase):
    """A file being written, and the hash of what it was given."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        """It is written only."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data."""
        self.sha256.update(data)
        return self.file.write(data)

    def tell(self) -> int:
        """How much was written."""
        return self.file.tell()


class Case:
    """A case folder. Reading checks nothing but presence; `verify` checks hashes."""

    def __init__(self, folder: Path) -> None:
        """A case at `folder`, which need not exist yet."""
        self.folder = folder
        self.held: dict[str, Mapping[str, Any]] = {}
        self._known: dict[str, Any] = {}
        self._known_of_events: dict[str, Any] = {}
        self._published: dict[str, str] = {}

    # -- places ---------------------------------------------------------------
    def path(self, name: str) -> Path:
        """Where the file of that name stands."""
        return self.folder / name

    @property
    def is_complete(self) -> bool:
        """Whether the last run reached its end."""
        return self.path("case.json").exists()

    # -- reading --------------------------------------------------------------
    def events(self) -> pl.LazyFrame:
        """The events, lazily; an empty frame where there are none."""
        parts = sorted(self.path("events").glob("*.parquet"))
        if not parts:
            return pl.LazyFrame(schema=EVENT)
        return pl.scan_parquet(parts, glob=False)

    def table(self, name: str) -> pl.LazyFrame:
        """One of sources, clocks, requests, gaps, unparsed; empty where not written."""
        path = self.path(f"{name}.parquet")
        if not path.exists():
            return pl.LazyFrame(schema=_TABLES[name])
        return pl.scan_parquet(path, glob=False)

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the case; an empty object where it is not written."""
        if name in self.held:
            return dict(self.held[name])
        path = self.path(name)
        if not path.exists():
            return {}
        found: dict[str, Any] = orjson.loads(path.read_bytes())
        return found

    def known(
        self, name: str, find: Callable[[], Any], *, of_events: bool = False
    ) -> Any:
        """What was found in the tables before; found now where nothing was.

        Reports ask for the same few numbers, each of which takes all events. What is
        found `of_events` alone stays known when other tables are written.
        """
        known = self._known_of_events if of_events else self._known
        if name not in known:
            known[name] = find()
        return known[name]

    def require(self) -> None:
        """Refuse a folder that is not a finished case."""
        if not self.folder.is_dir():
            message = (
                f"{self.folder} is no case folder: `forensic analyze` writes one,"
                " NAME.case where --case does not say another"
            )
            raise UsageError(message)
        if not self.is_complete:
            message = f"{self.folder} holds no finished case (case.json is missing)"
            raise UsageError(message)

    # -- writing --------------------------------------------------------------
    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the case for one run; a second run is refused at once."""
        made(self.folder)
        try:
            flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.path(".lock"), flags, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            message = f"{self.folder} is in use by another run"
            raise UsageError(message) from error
        try:
            self._clear()  # of a killed run
            yield
        except BrokenPipeError:
            raise
        except OSError as error:  # evidence that cannot be read is a row, no exception
            raise self._unwritable(error) from error
        finally:
            self._clear()
            os.close(descriptor)

    def _clear(self) -> None:
        """Forget what was found in the events, and what there was no memory for."""
        self._known_of_events.clear()
        shutil.rmtree(self.path(SPILL), ignore_errors=True)

    def _unwritable(self, error: OSError) -> OutputError:
        reason = error.strerror or error
        return OutputError(f"cannot write the case folder {self.folder}: {reason}")

    def publish(self, name: str, data: bytes) -> None:
        """Put `data` under `name`, whole or not at all, readable by its owner only."""
        with self._publishing(name) as sink:
            sink.write(data)

    @contextlib.contextmanager
    def _publishing(self, name: str) -> Iterator[_Hashed]:
        """A file that stands under `name` when all of it is written."""
        target = self.path(name)
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                sink = _Hashed(file)
                yield sink
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
            self._published[name] = sink.sha256.hexdigest()
        except OSError as error:
            message = f"cannot write {target}: {error.strerror}"
            raise OutputError(message) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def publish_table(
        self, name: str, rows: pl.DataFrame | Iterable[pl.DataFrame]
    ) -> None:
        """Put a table (sources, clocks, …) with exactly the columns of its schema.

        Of one that is made in parts, only some rows are in memory at a time.
        """
        schema = _TABLES[name]
        self._known.clear()
        if name == "sources":  # parse writes it behind the events
            self._known_of_events.clear()
        parts = [rows] if isinstance(rows, pl.DataFrame) else rows
        aligned = (
            part.select(pl.col(c).cast(d) for c, d in schema.items()) for part in parts
        )
        with self._publishing(f"{name}.parquet") as sink:
            write_frames(aligned, schema, sink)

    def hold_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Let this run read a JSON file that it will publish last of all."""
        self.held[name] = value
        self._known.clear()

    def publish_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Put a JSON file: sorted keys, two spaces, a final line end."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
        text = orjson.dumps(value, option=options).decode()
        self.publish(name, visible_json(text).encode())
        if self.held.pop(name, None) != value:  # else it was read as it is before
            self._known.clear()

    # -- integrity ------------------------------------------------------------
    def files(self) -> list[Path]:
        """Every published file but the two hash lists, sorted, relative to the case."""
        own = {"SHA256SUMS"}
        found = (p for p in self.folder.rglob("*") if p.is_file() and p.name not in own)
        visible = (p.relative_to(self.folder) for p in found)
        return sorted(p for p in visible if not any(n[0] == "." for n in p.parts))

    def publish_sums(self) -> None:
        """Put SHA256SUMS over every other file, as `sha256sum -c` reads it."""
        found = {p.as_posix(): _sha256(self.folder / p) for p in self.files()}
        for name, digest in self._published.items():
            if found.get(name, digest) != digest:  # a disk that lies
                message = f"{self.path(name)} reads back as other bytes than written"
                raise OutputError(message)
        self.publish("SHA256SUMS", _listed(found))

    def check_sums(self) -> list[str]:
        """What differs from SHA256SUMS, one sentence each; empty where all is well."""
        listing = self.path("SHA256SUMS")
        if not listing.exists():
            return ["SHA256SUMS is missing"]
        recorded = {}
        for line in listing.read_text("utf-8", "backslashreplace").splitlines():
            digest, gap, name = line.partition("  ")
            if not gap:
                return ["SHA256SUMS is no list of hashes"]
            recorded[name] = digest
        present = {p.as_posix() for p in self.files()}
        wrong = [f"{name} is missing" for name in sorted(recorded.keys() - present)]
        wrong += [f"{name} is not listed" for name in sorted(present - recorded.keys())]
        for name in sorted(recorded.keys() & present):
            if _sha256(self.folder / name) != recorded[name]:
                wrong.append(f"{name} has other bytes than were recorded")
        if not wrong and listing.read_bytes() != _listed(recorded):
            wrong.append("SHA256SUMS has other bytes than were written")
        return wrong

    def require_intact(self) -> None:
        """Refuse a case whose files are not those that were written."""
        self.require()
        wrong = self.check_sums()
        if wrong:
            message = f"{self.folder} was changed after it was written: {wrong[0]}"
            raise EvidenceMismatch(message)


def _listed(digests: Mapping[str, str]) -> bytes:
    """SHA256SUMS of these files."""
    return "".join(f"{digests[n]}  {n}\n" for n in sorted(digests)).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
