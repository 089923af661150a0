"""What a sink keeps beside its rows as the compacted topics say: views and profiles."""

import random

from deploy.registry import Tail
from deploy.tier import Foreground
from sinks.clickhouse import ClickHouse
from sinks.folding import Folding
from sinks.keeper import Keeper


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
