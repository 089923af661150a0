-- What each tier counted: an offset and its counts stand at the same place of every array. Keyed
-- by what is counted, so a row that comes again says the same; `headrace audit` lets the last
-- word on an offset count. Minutes are those of received_at, 1970 where a line does not tell.
CREATE TABLE IF NOT EXISTS $database.ledger $on_cluster
(
    ledger_id UUID,
    tier LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    source_id LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    first_offset UInt64 CODEC(Delta, ZSTD(1)),
    last_offset UInt64 CODEC(Delta, ZSTD(1)),
    offsets Array(UInt64) CODEC(Delta, ZSTD(1)),
    events Array(UInt32) CODEC(ZSTD(1)),
    unsaved Array(UInt32) CODEC(ZSTD(1)),
    duplicates Array(UInt32) CODEC(ZSTD(1)),
    dead Array(UInt32) CODEC(ZSTD(1)),
    into Array(Int64) CODEC(Delta, ZSTD(1)),
    until Array(Int64) CODEC(Delta, ZSTD(1)),
    written_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    kafka_offset UInt64 CODEC(Delta, ZSTD(1)),
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1,
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(stored_at)
PARTITION BY toYYYYMM(written_at)
ORDER BY (topic, partition, tier, first_offset, source_id, minute, ledger_id)
TTL toDateTime(written_at) + INTERVAL 30 DAY DELETE
SETTINGS index_granularity = 1024;
