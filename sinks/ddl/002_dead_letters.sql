-- letter_id is derived from what failed, not from when: the same failure found again replaces
-- its row. Nothing else of the key can differ between two letters of one id.
CREATE TABLE IF NOT EXISTS $database.dead_letters $on_cluster
(
    letter_id UUID,
    stage LowCardinality(String),
    code LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    source_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    failed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    original String CODEC(ZSTD(3)),
    original_encoding LowCardinality(String),
    original_bytes String ALIAS if(original_encoding = 'base64', base64Decode(original), original),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    kafka_offset UInt64 CODEC(Delta, ZSTD(1)),
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(stored_at)
PARTITION BY clamp(toYYYYMM(failed_at), 202001, 203512)
ORDER BY (source_id, letter_id)
SETTINGS ttl_only_drop_parts = 1;
