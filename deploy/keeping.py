"""What a sink keeps beside its rows: views, profiles, and what was erased or is too old."""

import random

from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tier import Foreground, clock
from deploy.tombstones import KafkaTombstones
from schemas.metrics import Metrics
from schemas.wire import vendor
from sinks.clickhouse import ClickHouse
from sinks.erasures import Erasures
from sinks.folding import Folding
from sinks.forgetting import Forgetting
from sinks.keeper import Keeper
from sinks.persons import Persons, Tombstones
from sinks.purge import Purge
from sinks.retention import Retention
from sinks.rewrite import Rewrite


def keepers(tier: Foreground, tail: Tail) -> tuple[Keeper, Folding]:
    """Build the keeper of the views and that of the profiles; ``run`` of each ends with the tier.

    Args:
        tail: what they follow; starting and stopping it is the caller's.
    """
    settings = tier.settings
    cluster = settings.cluster or None
    views = Keeper(ClickHouse(settings.clickhouse_writer), settings.database, cluster, tail)
    client = ClickHouse(settings.clickhouse_writer)
    folding = Folding(client, tail, tier.metrics, chance=random.random, cluster=cluster)
    return views, folding


def eraser(tier: Foreground, tail: Tail, tombstones: KafkaTombstones) -> Erasures:
    """Build what erases; ``run`` ends with the tier.

    Args:
        tail: knows which profiles are one; starting and stopping it is the caller's.
        tombstones: closing it is the caller's, too.
    """
    settings = tier.settings
    client = ClickHouse(settings.clickhouse_writer)
    people = forgetting(settings, client, tail, tombstones, tier.metrics)
    return Erasures(client, settings.database, settings.cluster or None, people)


def retention(tier: Foreground, tail: Tail) -> Retention:
    """Build what deletes what is too old; ``run`` ends with the tier."""
    client = ClickHouse(tier.settings.clickhouse_writer)
    return Retention(client, tail, clock, tier.metrics, tier.settings.cluster or None)


def forgetting(
    settings: Settings, client: ClickHouse, tail: Tail, tombstones: Tombstones, metrics: Metrics
) -> Forgetting:
    """Build what follows erasures of people."""
    cluster = settings.cluster or None
    return Forgetting(
        client,
        Persons(client, tail.merges, tombstones, cluster=cluster),
        tombstones,
        Purge(client, vendor, cluster),
        Rewrite(client, cluster),
        metrics,
        rewrite_ms=settings.erasure_seconds * 1000,
    )
