"""The metrics as a Prometheus server reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import parser as text_format
from prometheus_client.openmetrics import parser as openmetrics

from scened.metrics import WRITE_SECONDS, MetricsFile, metrics
from scened.store.governor_state import GovernorState, Verdict
from scened.store.heartbeat import Counts, Pulse

PULSE = Pulse(
    pid=7,
    version='0.1 "odd"\\',
    state="working",
    reason="looking at photos",
    counts=Counts(done=12_345_678, pending=2, failed=1),
    rate=3.5,
    pack="everyday-1",
)
GOVERNED = GovernorState(
    duty=0.25,
    gates=(Verdict("load", False, "97 %", "80 %", "gates.load"),),
    daemon_bytes=50_000_000,
)


def samples(parser: object, text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(text)  # type: ignore[attr-defined]
        for sample in family.samples
    }


@pytest.mark.parametrize("parser", [openmetrics, text_format])
def test_both_formats_read_the_same(parser: object) -> None:
    read = samples(parser, metrics(PULSE, GOVERNED, running=True))
    assert read["scened_photos", frozenset({("status", "analysed")})] == 12_345_678
    assert read["scened_gate_open", frozenset({("gate", "load")})] == 0
    assert read["scened_up", frozenset()] == 1
    build = frozenset({("version", '0.1 "odd"\\'), ("pack", "everyday-1")})
    assert read["scened_build_info", build] == 1


def test_what_is_not_known_is_left_out() -> None:
    read = samples(openmetrics, metrics(PULSE, GOVERNED, running=True))
    assert ("scened_resident_bytes", frozenset({("process", "analyzer")})) not in read
    assert ("scened_eta_seconds", frozenset()) not in read


def test_the_file_is_written_at_intervals_and_at_the_end(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "scened.prom"
    kept = MetricsFile(str(file), lambda: now[0])
    kept.write(PULSE, GOVERNED)
    file.write_text("")
    kept.write(PULSE, GOVERNED)
    assert file.read_text() == ""
    now[0] += WRITE_SECONDS
    kept.write(PULSE, GOVERNED)
    assert "scened_up 1" in file.read_text()
    kept.write(PULSE, GOVERNED, last=True)
    assert "scened_up 0" in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = MetricsFile(str(tmp_path / "none" / "scened.prom"), lambda: 0.0)
    kept.write(PULSE, GOVERNED, last=True)
    kept.write(PULSE, GOVERNED, last=True)
    assert len(caplog.records) == 1
