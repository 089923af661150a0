-- Events of headrace's own, one every few seconds of each edge: apart from those of users, and
-- gone in an hour.
CREATE TABLE IF NOT EXISTS $database.heartbeats $on_cluster
(
    event_id UUID,
    edge LowCardinality(String),
    sent_at DateTime64(3, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    kafka_partition UInt32,
    kafka_offset UInt64
)
ENGINE = ${replicated}MergeTree
ORDER BY stored_at
TTL toDateTime(stored_at) + INTERVAL 1 HOUR DELETE;
