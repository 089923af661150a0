-- Whose events were erased, and when: an event that was accepted before that moment and stored
-- after it, late or by a replay, is found by it and goes, too. The name has to be kept for that.
CREATE TABLE IF NOT EXISTS $database.erasures $on_cluster
(
    source_id LowCardinality(String),
    group_id String CODEC(ZSTD(1)),
    asked_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(asked_at)
ORDER BY (source_id, group_id);
