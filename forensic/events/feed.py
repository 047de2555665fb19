"""Evidence ▶ blocks: read once, hash, sniff, cut on record borders, hand out.

This is all that happens to evidence outside the workers. Small sources share a
block; a large one fills many. A block begins and ends where a record does.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forensic.archive import Entry
from forensic.archive.streams import Stream
from forensic.documents import records
from forensic.events.cuts import beginnings, border, count_lines, end_of, samples
from forensic.events.reading import Reading
from forensic.events.slots import Slot
from forensic.events.strangers import stranger
from forensic.events.unit import Segment
from forensic.formats import load
from forensic.sniff import Sniffed, family, fits, is_binary, sniff

__all__ = ["Feeder"]

#: A JSON value that spans lines must be seen whole: up to this many bytes.
_DOCUMENT = 256 << 20
_ROOM = 64 << 10
#: More sources than this in one block cost more in bookkeeping than they save.
_CROWD = 4000
_ENCODINGS = [
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
]
_NO_TEXT = {"binary", *(encoding for _, encoding in _ENCODINGS)}
#: More lines than this in one block cost more memory than its bytes.
_MOST_LINES = 300_000
#: Fewer zeros at the beginning say nothing.
_ZEROS = 16
_CUT_LOG = "zeros before the first line: the log was cut while it was written to"


class Feeder:
    """Fills slots with evidence and hands them out as blocks.

    `take_slot` gives an empty slot (waiting for one if need be), `hand_out` gets a
    slot, the bytes used and the segments; `big_slot` makes a slot for one document.
    """

    def __init__(
        self,
        take_slot: Callable[[int | None], Slot],
        hand_out: Callable[[Slot, int, list[Segment]], None],
        templates: Callable[[str], Sequence[str]],
    ) -> None:
        """A feeder; `templates(source)` gives the formats made for this archive."""
        self.take_slot = take_slot
        self.hand_out = hand_out
        self.templates = templates
        self.slot: Slot | None = None
        self.used = 0
        self.segments: list[Segment] = []
        self.families: dict[str, Sniffed] = {}

    def flush(self) -> None:
        """Hand out what is in the current slot."""
        slot, self.slot = self.slot, None
        if slot is not None and self.segments:
            self.hand_out(slot, self.used, self.segments)
        elif slot is not None:
            self.slot = slot  # nothing in it yet: keep it
        self.used, self.segments = 0, []

    def read(self, entry: Entry) -> Reading:
        """Read one source to its end; its lines go out in blocks."""
        reading = Reading(entry, problem=entry.problem)
        stream = entry.stream
        if stream is None:
            return reading
        if not entry.ordered:
            self.flush()
        if entry.container:
            reading.problem = stream.problem
        else:
            self._read_stream(reading, stream)
            reading.problem = stream.problem or reading.problem
        if not entry.ordered:
            self.flush()
        reading.sha256 = stream.sha256
        reading.stored = stream.stored
        reading.problem = stream.changed() or reading.problem
        if stream.as_stored:
            reading.stream_sha256 = "" if entry.container else reading.sha256
        return reading

    # -- one source -------------------------------------------------------------
    def _read_stream(self, reading: Reading, stream: Stream) -> None:
        digest = None if stream.as_stored else hashlib.sha256()
        reading.content = digest.hexdigest if digest else stream.digest_so_far
        slot = self._slot_with_room()
        start = self.used
        end, final = self._fill(slot, start, stream, digest)
        at = self._behind_zeros(reading, stream, digest, start, end, final)
        start, end, final = self._recognised(reading, stream, digest, *at)
        if stream.writing:
            reading.note = stream.writing.note or reading.note
            if reading.encoding == "utf-8":
                reading.encoding = stream.writing.name
        if reading.sniffed is None:
            self._skip(reading, stream, digest, start, end, final)
        elif reading.sniffed.framing == "json" and not final:
            self._document(reading, stream, digest, start, end)
        else:
            self._lines(reading, stream, digest, start, end, final)
        if digest is not None:
            reading.stream_sha256 = digest.hexdigest()

    def _slot_with_room(self) -> Slot:
        if self.slot and (
            self.slot.size - self.used < _ROOM or len(self.segments) >= _CROWD
        ):
            self.flush()
        if self.slot is None:
            self.slot = self.take_slot(None)
            self.used = 0
        return self.slot

    @staticmethod
    def _fill(slot: Slot, start: int, stream: Stream, digest: Any) -> tuple[int, bool]:
        """Read into the slot until it is full or the stream ends."""
        place = start
        while place < slot.size:
            count = stream.readinto(slot.view[place:])
            if not count:
                break
            if digest is not None:
                digest.update(slot.view[place : place + count])
            place += count
        return place, place < slot.size

    def _behind_zeros(
        self,
        reading: Reading,
        stream: Stream,
        digest: Any,
        start: int,
        end: int,
        final: bool,
    ) -> tuple[int, int, bool]:
        """Pass over zeros before the first line, and account for them.

        A log begins so that was cut while its writer kept its place in it.
        """
        slot = self._current()
        if slot.view[start : min(end, start + _ZEROS)] != bytes(_ZEROS):
            return start, end, final
        zeros = hashlib.sha256()
        while True:
            stretch = np.frombuffer(slot.view[start:end], np.uint8) != 0
            first = start + int(stretch.argmax()) if stretch.any() else end
            zeros.update(slot.view[start:first])
            reading.size += first - start
            if first < end or final:
                break
            end, final = self._fill(slot, start, stream, digest)
        row = (1, 0, reading.size, _CUT_LOG, zeros.hexdigest(), b"")
        reading.unread.append(row)
        reading.note = f"it begins with {reading.size:,} {_CUT_LOG}"
        if first == end:  # nothing else: they are its only line
            reading.lines = reading.unread_lines = 1
        return first, end, final

    def _recognised(
        self,
        reading: Reading,
        stream: Stream,
        digest: Any,
        start: int,
        end: int,
        final: bool,
    ) -> tuple[int, int, bool]:
        """Find the formats by the first lines, be the very first as long as it may."""
        slot, source = self._current(), reading.entry.source
        if reading.problem:  # a container that is not opened
            return start, end, final
        for sample in samples(slot, start, end):
            reading.encoding, reading.sniffed = self._recognise(sample, source)
            if reading.sniffed or reading.encoding != "utf-8":
                return start, end, final
        if final or slot.map.find(b"\n", start, end) >= 0:
            return start, end, final
        if start:
            slot, start, end = self._carry(slot, start, end)
            end, final = self._fill(slot, end, stream, digest)
        if not final and slot.map.find(b"\n", 0, end) < 0:
            start, end, final = self._long_line(reading, stream, digest, end)
        for sample in samples(slot, start, end):
            reading.encoding, reading.sniffed = self._recognise(sample, source)
            if reading.sniffed:
                break
        return start, end, final

    def _recognise(self, head: bytes, source: str) -> tuple[str, Sniffed | None]:
        for mark, encoding in _ENCODINGS:
            if head.startswith(mark):
                return encoding, None
        if not head.strip():
            return "utf-8", None
        if is_binary(head):
            return "binary", None
        known = self.families.get(family(source))
        if known is None or not fits(known, head):
            known = sniff(head, source, self.templates(source))
        if known is not None:
            self.families[family(source)] = known
        return "utf-8", known

    def _lines(
        self,
        reading: Reading,
        stream: Stream,
        digest: Any,
        start: int,
        end: int,
        final: bool,
    ) -> None:
        """Cut the stream into segments of whole records, block after block."""
        sniffed = reading.sniffed
        if sniffed is None:
            return
        chosen = [load(key) for key in sniffed.formats]
        begins = beginnings(chosen)
        while True:
            slot = self._current()
            cut = end
            if not final:
                cut = border(slot, start, end, begins, coloured=sniffed.coloured)
            lines = count_lines(slot.view[start:cut])
            if lines > _MOST_LINES:
                most = end_of(slot, start, cut, _MOST_LINES)
                cut = border(slot, start, most, begins, coloured=sniffed.coloured)
                lines = count_lines(slot.view[start:cut])
            if cut > start:
                self._segment(reading, slot, start, cut, lines)
            if final and cut == end:
                return
            if cut == start == 0:
                start, end, final = self._long_line(reading, stream, digest, end)
                continue
            slot, start, end = self._carry(slot, cut, end)
            if not final:
                end, final = self._fill(slot, end, stream, digest)

    def _current(self) -> Slot:
        if self.slot is None:
            self.slot = self.take_slot(None)
            self.used = 0
        return self.slot

    def _segment(
        self, reading: Reading, slot: Slot, start: int, cut: int, lines: int
    ) -> None:
        """Put one stretch of the source, of so many lines, on the block's list."""
        sniffed = reading.sniffed
        if sniffed is None:
            return
        self.segments.append(
            Segment(
                source=reading.entry.source,
                start=start,
                end=cut,
                first_line=reading.lines + 1,
                lines=lines,
                base=reading.size,
                formats=sniffed.formats,
                payloads=sniffed.payloads,
                framing=sniffed.framing,
                coloured=sniffed.coloured,
                content=reading.content(),
            )
        )
        reading.lines += lines
        reading.size += cut - start
        self.used = cut
        if slot.view[cut - 1] != ord("\n") and cut < slot.size:
            # Only a stream's last line lacks its end; keep the next source off it.
            slot.view[cut] = ord("\n")
            self.used = cut + 1

    def _carry(self, slot: Slot, cut: int, end: int) -> tuple[Slot, int, int]:
        """Hand the block out; the bytes behind the cut start the next one."""
        tail = bytes(slot.view[cut:end])
        self.flush()
        fresh = self._current()
        fresh.view[: len(tail)] = tail
        return fresh, 0, len(tail)

    def _long_line(
        self, reading: Reading, stream: Stream, digest: Any, end: int
    ) -> tuple[int, int, bool]:
        """Pass over a line that fills a whole block, and account for it."""
        slot = self._current()
        line = hashlib.sha256(slot.view[:end])
        first = bytes(slot.view[:512])
        length = end
        while True:
            filled, final = self._fill(slot, 0, stream, digest)
            found = slot.map.find(b"\n", 0, filled)
            stop = found + 1 if found >= 0 else filled
            line.update(slot.view[:stop])
            length += stop
            if found >= 0 or final:
                break
        reason = f"a line of {length} bytes, longer than a block of {slot.size}"
        row = (reading.lines + 1, reading.size, length, reason, line.hexdigest(), first)
        reading.unread.append(row)
        reading.unread_lines += 1
        reading.lines += 1
        reading.size += length
        return stop, filled, final

    def _document(
        self, reading: Reading, stream: Stream, digest: Any, start: int, end: int
    ) -> None:
        """JSON values that span lines: read into one large slot, cut between values."""
        small = self._current()
        tail = bytes(small.view[start:end])
        self.flush()
        while True:
            big = self.take_slot(_DOCUMENT)
            big.view[: len(tail)] = tail
            end, final = self._fill(big, len(tail), stream, digest)
            cut = end if final else records(bytes(big.view[:end]), final=False).consumed
            saved, self.slot = self.slot, big
            if cut:
                tail = bytes(big.view[cut:end])
                self._segment(reading, big, 0, cut, count_lines(big.view[:cut]))
                self.flush()
                self.slot = saved
            if final:
                return
            if not cut:
                reason = f"one JSON value of over {_DOCUMENT >> 20} MiB"
                reading.problem = ("over_budget", reason)
                self._skip(reading, stream, digest, 0, end, final, reason)
                big.close()
                self.slot = saved
                return

    def _skip(
        self,
        reading: Reading,
        stream: Stream,
        digest: Any,
        start: int,
        end: int,
        final: bool,
        reason: str = "",
    ) -> None:
        """Read a stream that no format claims to its end: hash it, count its lines."""
        slot = self._current()
        base, line = reading.size, reading.lines + 1
        first = bytes(slot.view[start : min(end, start + 512)])
        lines, size, last = 0, 0, ord("\n")
        whole = hashlib.sha256()
        while end > start:
            block = slot.view[start:end]
            lines += int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))
            whole.update(block)
            size += end - start
            last = block[-1]
            if final:
                break
            end, final = self._fill(slot, start, stream, digest)
        lines += last != ord("\n")
        reading.lines += lines
        reading.size += size
        reason = reason or "no format claims this file"
        if reading.encoding in _NO_TEXT:
            reason = f"{reading.encoding} data"
        verdict = stranger(first) or ("unsupported", reason)
        if size:
            row = (line, base, size, verdict[1], whole.hexdigest(), first)
            reading.unread.append(row)
            reading.unread_lines += lines
        if reading.unread:
            reading.problem = reading.problem or verdict
