"""One machine: stand-ins for Apache Kafka and ClickHouse, and the supervisor of all tiers."""
