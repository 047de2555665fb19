"""The stages in a row: what is done again, and what is not."""

from pathlib import Path

import pytest

from forensic import events, pipeline
from forensic.case import Case
from forensic.errors import EvidenceMismatch, UsageError

LINE = b'192.0.2.1 - - [06/Feb/2025:14:32:%02d +0900] "GET /%d HTTP/1.1" %d 1 "-" "x"\n'


def quiet(_stage: str, _bytes: int) -> None:
    """Take no notice."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    lines = [LINE % (n % 60, n, 404 if n == 7 else 200) for n in range(90)]
    (folder / "access.log").write_bytes(b"".join(lines))
    return folder


def request(archive: Path, **more: object) -> pipeline.Request:
    case = archive.parent / "x.case"
    return pipeline.Request(archives=(archive,), case=case, jobs=0, **more)  # type: ignore[arg-type]


def test_unchanged_evidence_is_not_parsed_again(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.analyze(request(archive), quiet)
    runs: list[Path] = []
    whole = events.parse

    def counting(archives: object, case: Case, *more: object) -> object:
        runs.append(case.folder)
        return whole(archives, case, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("forensic.events.parse", counting)
    pipeline.analyze(request(archive, question={"status": 404}), quiet)
    assert not runs
    pipeline.analyze(request(archive, zones=(("*", "+09:00"),)), quiet)
    assert len(runs) == 1
    with (archive / "access.log").open("ab") as log:
        log.write(LINE % (1, 1, 500))
    done = pipeline.analyze(request(archive, zones=(("*", "+09:00"),)), quiet)
    assert len(runs) == 2
    assert done.read_json("case.json")["counts"]["events"] == 91


def test_a_case_that_was_touched_is_refused_and_made_anew(archive: Path) -> None:
    done = pipeline.analyze(request(archive), quiet)
    good = done.path("requests.parquet").read_bytes()
    done.path("requests.parquet").write_bytes(good[:-9] + bytes(9))
    with pytest.raises(EvidenceMismatch):
        pipeline.report(done, "en")
    pipeline.analyze(request(archive), quiet)
    assert good == done.path("requests.parquet").read_bytes()
    assert not done.check_sums()


def test_stages_alone_give_what_analyze_gives(archive: Path) -> None:
    whole = pipeline.analyze(request(archive), quiet)
    names = ["requests.parquet", "gaps.parquet", "findings.json"]
    wanted = [whole.path(name).read_bytes() for name in names]
    apart = pipeline.Request(
        archives=(archive,), case=archive.parent / "y.case", jobs=0
    )
    case = pipeline.parse(apart, quiet)
    pipeline.correlate(case)
    pipeline.detect(case, {})
    pipeline.report(case, "ja")
    assert wanted == [case.path(name).read_bytes() for name in names]
    assert not case.check_sums()


def test_evidence_that_was_moved_is_quoted_where_it_is_now(archive: Path) -> None:
    """A case is answered anew on another machine, but not from other evidence."""
    case = pipeline.analyze(request(archive), quiet)
    before = case.read_json("findings.json")
    now = archive.rename(archive.with_name("moved"))
    with pytest.raises(UsageError, match="use --archive"):
        pipeline.detect(case, {})
    pipeline.detect(case, {}, [now])
    assert case.read_json("findings.json") == before
    (now / "more.log").write_bytes(b"1")
    with pytest.raises(EvidenceMismatch):
        pipeline.detect(case, {}, [now])


def test_folders_that_must_not_be_written_are_refused(archive: Path) -> None:
    inside = pipeline.Request(archives=(archive,), case=archive / "x.case")
    with pytest.raises(UsageError):
        pipeline.analyze(inside, quiet)
    strange = archive.parent / "mine"
    strange.mkdir()
    (strange / "letter.txt").touch()
    with pytest.raises(UsageError):
        pipeline.analyze(pipeline.Request(archives=(archive,), case=strange), quiet)
    assert ["letter.txt"] == [path.name for path in strange.iterdir()]
