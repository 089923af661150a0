"""A single-node, durable log that speaks Kafka's wire protocol, for one machine and for tests."""
