"""The page of numbers."""

from deploy.local.clickhouse.meter import Meter


def test_counts_by_kind_and_code() -> None:
    meter = Meter()
    meter.finished("INSERT", 0, 0.5, 10)
    meter.finished("INSERT", 0, 0.25, 5)
    meter.finished("INSERT", 60, 0.25)
    meter.finished("GARBAGE", 62, 0.0)
    meter.refused(516)
    lines = meter.render({"headrace_clickhouse_sessions": 3}).splitlines()
    assert 'headrace_clickhouse_statements_total{kind="insert",code="0"} 2' in lines
    assert 'headrace_clickhouse_statements_total{kind="insert",code="60"} 1' in lines
    assert 'headrace_clickhouse_statements_total{kind="other",code="62"} 1' in lines
    assert 'headrace_clickhouse_statement_seconds_total{kind="insert"} 1.0' in lines
    assert "headrace_clickhouse_written_rows_total 15" in lines
    assert 'headrace_clickhouse_refused_total{code="516"} 1' in lines
    assert "headrace_clickhouse_sessions 3" in lines
    assert "# TYPE headrace_clickhouse_sessions gauge" in lines
