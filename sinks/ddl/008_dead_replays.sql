-- Which dead letters were sent through again, and where to: a note of its own, because a letter
-- that is found again replaces its row. Written after the broker acknowledged; a crash in between
-- sends a letter twice, which the ids of its events collapse.
CREATE TABLE IF NOT EXISTS $database.dead_replays $on_cluster
(
    source_id LowCardinality(String),
    letter_id UUID,
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    replayed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(replayed_at)
ORDER BY (source_id, letter_id);
