from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from org_common.tools.plan import trace
from org_common.tools.project.project import ToolError

BEGIN = datetime(2026, 11, 30, tzinfo=UTC)
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "trace"
        file.write_text(text)
        return file

    return write


def minutes(*numbers: int) -> list[str]:
    return [(BEGIN + timedelta(minutes=number)).isoformat() for number in numbers]


def test_table_of_counts(write: Write) -> None:
    traffic = trace.read(write("timestamp,count\n" + "".join(f"{at},{7}\n" for at in minutes(0, 1, 2))))

    assert (traffic.requests, traffic.bin_s, traffic.poisson, traffic.start_s) == (21, 60, True, 0)


def test_table_of_single_requests(write: Write) -> None:
    traffic = trace.read(write("time;path\n" + "".join(f"{at};/orgs\n" for at in minutes(0, 0, 2))))

    assert (traffic.requests, traffic.seconds, traffic.poisson) == (3, 121, False)


def test_export_of_the_cloudwatch_console(write: Write) -> None:
    head = "Full label,Invocations\nLabel ID,abc\nPeriod,300\n"
    rows = "".join(f"2026/11/30 0{hour}:00:00,{hour}\n2026/11/30 0{hour}:05:00,\n" for hour in range(3))

    traffic = trace.read(write(head + rows))

    assert (traffic.requests, len(traffic.notes)) == (3, 1)


@pytest.mark.parametrize(
    "text",
    [
        (
            '{"MetricDataResults": [{"Timestamps": ["2026-11-30T00:05:00+00:00", "2026-11-30T00:00:00+00:00"],'
            ' "Values": [4, 3]}]}'
        ),
        (
            '{"Datapoints": [{"Timestamp": "2026-11-30T00:00:00Z", "Sum": 3.0},'
            ' {"Timestamp": "2026-11-30T00:05:00Z", "Sum": 4.0}]}'
        ),
    ],
)
def test_json_of_cloudwatch(write: Write, text: str) -> None:
    traffic = trace.read(write(text))

    assert (traffic.counts.tolist(), traffic.bin_s) == ([3.0, 4.0], 300)


@pytest.mark.parametrize(
    "line",
    [
        '1.2.3.4 - - [30/Nov/2026:0{n}:00:00 +0000] "GET / HTTP/1.1" 200 12',
        '{{"time": "2026-11-30T0{n}:00:00Z", "path": "/"}}',
        "2026-11-30T0{n}:00:00.123Z REPORT RequestId: 1",
    ],
)
def test_log_lines(write: Write, line: str) -> None:
    traffic = trace.read(write("\n".join(line.format(n=n) for n in range(3))))

    assert (traffic.requests, traffic.seconds) == (3, 7201)


def test_rows_without_a_header(write: Write) -> None:
    assert trace.read(write("".join(f"{at},5\n" for at in minutes(0, 1)))).requests == 10


def test_seconds_and_milliseconds_since_1970(write: Write) -> None:
    start = int(BEGIN.timestamp())

    traffic = trace.read(write(f"ts,count\n{start},1\n{(start + 60) * 1000},2\n"))

    assert traffic.counts.tolist() == [1, 2]


def test_gaps_have_no_traffic_and_a_note(write: Write) -> None:
    traffic = trace.read(write("timestamp,count\n" + "".join(f"{at},1\n" for at in minutes(0, 1, 2, 3, 9))))

    assert traffic.counts.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0, 1]
    assert traffic.notes == ["5 of 10 periods of 60 s have no row, and count as no traffic"]


def test_unsorted_rows_are_sorted_with_a_note(write: Write) -> None:
    traffic = trace.read(write("timestamp,count\n" + "".join(f"{at},{at[15]}\n" for at in minutes(2, 0, 1))))

    assert traffic.counts.tolist() == [0, 1, 2]
    assert traffic.notes == ["the rows were not in the order of their times, and were sorted"]


def test_same_row_twice_counts_once_and_different_counts_add_up(write: Write) -> None:
    first, second = minutes(0, 1)

    traffic = trace.read(write(f"timestamp,count\n{first},5\n{first},5\n{first},2\n{second},1\n"))

    assert traffic.counts.tolist() == [7, 1]
    assert traffic.notes == ["1 rows were there twice, and count once"]


def test_time_zones(write: Write) -> None:
    same = "timestamp,count\n2026-11-30T01:00:00+01:00,1\n2026-11-30T00:01:00Z,1\n2026-11-29 19:02:00-05:00,1\n"

    assert trace.read(write(same)).counts.tolist() == [1, 1, 1]


def test_times_without_an_offset_are_in_the_given_zone(write: Write) -> None:
    text = "timestamp,count\n2026-11-30 10:00:00,1\n2026-11-30 11:00:00,1\n"

    assert trace.read(write(text), ZoneInfo("Europe/Berlin")).start_s == 9 * 3600


def test_hour_that_a_change_of_clocks_repeats(write: Write) -> None:
    text = "timestamp,count\n2026-10-25 01:00:00,1\n2026-10-25 02:00:00,1\n2026-10-25 03:00:00,1\n"

    # Berlin has 02:00 twice on that day: three rows are four hours.
    assert trace.read(write(text), ZoneInfo("Europe/Berlin")).requests == 3


def test_million_lines(write: Write) -> None:
    stamps = [f"2026-11-30T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(0, 86_400, 8)]

    traffic = trace.read(write("time\n" + "".join(f"{stamp}\n" * 93 for stamp in stamps)))

    assert traffic.requests == len(stamps) * 93 > 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "trace is empty"),
        (" \n\n", "trace is empty"),
        ("a,b,c\n1,2,3\n", "trace has no column of times: its first line has a, b, c"),
        ("timestamp,count\n", "trace has no rows with a time"),
        ("timestamp,count\n2026-11-30T00:00:00Z\n", "trace:2 has 1 columns, and the first line 2"),
        ("timestamp,count\n2026-11-30T00:00:00Z,-3\n", "trace:2: '-3' is not a number of requests"),
        ("timestamp,count\n2026-11-30T00:00:00Z,nan\n", "trace:2: 'nan' is not a number of requests"),
        ("timestamp,count\n2026-11-30T00:00:00Z,1e400\n", "trace:2: '1e400' is not a number of requests"),
        ("timestamp,count\nyesterday,3\n", "trace:2: 'yesterday' is not a time, such as 2026-11-30T12:00:00Z"),
        ("timestamp,count\n1066-10-14,3\n", "trace:2: the time '1066-10-14' is not in the years 2000 to 2099"),
        ("timestamp,count\n0,3\n", "trace:2: the time '0' is not in the years 2000 to 2099"),
        ("timestamp,count\n2026-11-30T00:00:00Z,3\n", "trace has one period"),
        ("timestamp,count\n2026-11-29,3\n2026-11-30,3\n", "trace has a row for every 86400 s"),
        ("timestamp\n2026-11-30T00:00:00Z\n", "trace covers 1 s: a plan needs at least a minute"),
        (
            "timestamp,count\n2026-11-30 00:00,9e11\n2026-11-30 00:01,1\n",
            "trace has more than 1,000,000 requests",
        ),
        ("timestamp\n2019-01-01\n2026-11-30\n", "trace has times from 2019-01-01 to 2026-11-30, 2890 days"),
        ('{"a": 1}', "trace is JSON, but not of CloudWatch"),
        ('{"time": "2026-11-30T00:00:00Z"}\nx\ny\nz\n', "trace: 3 of 4 lines have no time"),
        ("".join(map(chr, range(256))), "trace has no column of times"),
    ],
)
def test_damaged_file_is_one_clear_line(write: Write, text: str, expected: str) -> None:
    with pytest.raises(ToolError) as caught:
        trace.read(write(text))

    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
