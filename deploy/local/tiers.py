"""The stand-ins in the foreground; they load nothing of the tiers that use them."""

from typing import Any
from urllib.parse import unquote, urlsplit

from deploy.settings import draw_secret
from deploy.tier import Foreground, beside
from schemas.metrics import Metrics


async def broker(tier: Foreground, *, host: str, port: int, metrics_port: int | None) -> None:
    """The stand-in for Apache Kafka."""
    from deploy.local.broker import server  # noqa: PLC0415  one or the other

    def watch(running: server.Broker) -> None:
        tier.refresh = lambda: _report(running, tier.metrics)

    work = server.serve(
        server.BrokerConfig(data=tier.settings.data / "kafka", host=host, port=port),
        ready=lambda bound: tier.ready(port=bound),
        stop=tier.stop,
        watch=watch,
    )
    await beside(tier, work, host, metrics_port)


def _report(running: Any, metrics: Metrics) -> None:
    """Put the stand-in's counters under the names of the closed list."""
    counted = running.metrics()
    for api, count in counted["requests"].items():
        metrics.set("headrace_broker_requests_total", count, api=str(api))
    for code, count in counted["errors"].items():
        metrics.set("headrace_broker_errors_total", count, code=str(code))
    for name in ("connections", "log_bytes", "bytes_in", "bytes_out", "syncs", "rebalances"):
        metrics.set(f"headrace_broker_{name}", counted[name])


async def clickhouse(tier: Foreground, *, host: str, port: int) -> None:
    """The stand-in for a ClickHouse server; serves its own probes on its own port."""
    from deploy.local.clickhouse import server  # noqa: PLC0415  as above

    address = urlsplit(tier.settings.clickhouse_writer)
    if not address.username:
        draw_secret(tier.settings)
        address = urlsplit(tier.settings.clickhouse_writer)
    config = server.ClickHouseConfig(
        data=tier.settings.data / "clickhouse",
        host=host,
        port=port,
        writer_user=address.username or "",
        writer_password=unquote(address.password or ""),
    )
    await server.serve(config, ready=lambda bound: tier.ready(port=bound), stop=tier.stop)
