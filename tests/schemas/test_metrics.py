import pytest

from schemas.metrics import NAMES, Metrics

EVENTS, LAG = "headrace_ingest_events_total", "headrace_sink_lag_records"


def test_counters_add_and_gauges_set() -> None:
    metrics = Metrics()
    assert metrics.get(EVENTS, source="shop") == 0
    metrics.add(EVENTS, 2, source="shop")
    metrics.add(EVENTS, source="shop")
    metrics.add(EVENTS, 5, source="app")
    metrics.set(LAG, 9)
    metrics.set(LAG, 4)
    assert metrics.get(EVENTS, source="shop") == 3
    assert metrics.get(EVENTS, source="app") == 5
    assert metrics.get(LAG) == 4


def test_a_name_that_is_not_in_the_list_is_refused() -> None:
    metrics = Metrics()
    for use in (metrics.add, metrics.get, lambda name: metrics.set(name, 1)):
        with pytest.raises(KeyError):
            use("headrace_typo_total")


def test_the_text_is_prometheus_exposition_format() -> None:
    metrics = Metrics()
    metrics.add(EVENTS, 1_234_567_890, source="shop")
    metrics.add(EVENTS, 2, source='a"b\\c\nd')
    metrics.set(LAG, 0.5)
    assert metrics.text() == (
        f"# HELP {EVENTS} {NAMES[EVENTS]}\n"
        f"# TYPE {EVENTS} counter\n"
        f'{EVENTS}{{source="a\\"b\\\\c\\nd"}} 2\n'
        f'{EVENTS}{{source="shop"}} 1234567890\n'
        f"# HELP {LAG} {NAMES[LAG]}\n"
        f"# TYPE {LAG} gauge\n"
        f"{LAG} 0.5\n"
    )


def test_labels_are_the_same_in_any_order() -> None:
    metrics = Metrics()
    metrics.add("headrace_ingest_requests_total", protocol="rakam", status="200")
    metrics.add("headrace_ingest_requests_total", status="200", protocol="rakam")
    assert metrics.get("headrace_ingest_requests_total", protocol="rakam", status="200") == 2
