"""``headrace bridge``: topics of somebody's Kafka as event sources, each record once."""
