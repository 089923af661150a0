"""An import's requests to S3, its progress, and its command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import cli
from deploy.imports import s3
from deploy.imports.progress import line_of
from deploy.imports.work import Told
from schemas.errors import HeadraceError, Malformed

# The examples of AWS's own page on signing, whose keys are made up.
EXAMPLE = s3.Access(
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    now=lambda: datetime(2013, 5, 24, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("key", "query", "headers", "signature"),
    [
        (
            "test.txt",
            {},
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "",
            {"max-keys": "2", "prefix": "J"},
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed_as_in_the_examples_of_aws(
    key: str, query: dict[str, str], headers: dict[str, str], signature: str
) -> None:
    said = EXAMPLE.request("examplebucket", key, query, headers).headers["Authorization"]
    assert said.endswith(f"Signature={signature}")


def test_nothing_is_signed_without_keys_and_half_of_them_are_refused() -> None:
    open_ = s3.Access.of({"AWS_ENDPOINT_URL": "http://127.0.0.1:9/"}).get("b", "a b/c")
    assert (open_.full_url, open_.headers.get("Authorization")) == (
        "http://127.0.0.1:9/b/a%20b/c",
        None,
    )
    with pytest.raises(Malformed, match="set both"):
        s3.Access.of({"AWS_ACCESS_KEY_ID": "x"})


def test_a_listing_and_where_it_goes_on() -> None:
    text = b"<R><Contents><Key>a</Key><Size>3</Size></Contents>%b</R>"
    more = b"<NextContinuationToken>t</NextContinuationToken>"
    assert s3.listed(text % b"") == ([("a", 3)], None)
    assert s3.listed(text % more) == ([("a", 3)], "t")
    for wrong in (b"<R>", b'<!DOCTYPE r [<!ENTITY a "b">]><r/>'):
        with pytest.raises(HeadraceError):
            s3.listed(wrong)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            Told("/d/x.csv", 25, 100, 1000, 0),
            "x.csv [######------------------]  25%  100 rows/s  00:30 left  1,000 sent",
        ),
        (Told("-", 2_000_000, 0, 1000, 3), "-  2.0 MB read  100 rows/s  1,000 sent, 3 set aside"),
    ],
)
def test_progress_has_rate_and_remaining_time(told: Told, expected: str) -> None:
    assert line_of(told, 10.0, 1000) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x.csv", "--map", "when=ts"), "--map when: there are id, event"),
        (("x.csv", "--type", "a=integer"), "--type a=integer: there are number"),
        (("x.csv", "--map", "ts"), "'ts' is not NAME=COLUMN"),
        (("x.csv", "--format", "mixpanel", "--id", "a"), "--map and --id are for --format rows"),
        (("x.csv", "--dry-run"), "there is no such file"),
        (("ftp://h/x", "--dry-run"), "http(s):// or s3:// is wanted"),
    ],
)
def test_what_is_wrong_on_the_command_line(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(cli.headrace, ["import", *arguments, "--source", "s"])
    assert done.exit_code != 0
    assert said in done.stderr


def test_a_dry_run_prints_the_schema_that_it_would_make(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("ts,user_id,price,zip\n2026-11-01,u1,9.5,007\nsoon,u1,1,2\n")
    done = CliRunner().invoke(cli.headrace, ["import", str(file), "--source", "s", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1:] == [
        "  ts -> time",
        "  user_id -> user",
        "  orders: 1 of them",
        "    price  double  e.g. 9.5",
        '    zip  string  e.g. "007"',
        "  line 3 would be set aside: time-invalid: ts is no time between 1970 and 2099: 'soon'",
        "  the first 2 rows: 1 events, 1 rows set aside",
    ]
