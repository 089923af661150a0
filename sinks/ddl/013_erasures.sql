-- Whom an erasure is of: the tombstone that a late event and a replay are held against. Profile
-- ids are kept as they are, being issued by headrace or the client's own; ids of users and
-- visitors only as hashes with their kind and source: id is sipHash128, which is quick to hold
-- columns against, and digest SHA-256, which other programs can compute. Of a dead letter that
-- was erased its event id is kept, so that the audit knows.
CREATE TABLE IF NOT EXISTS $database.erased_ids $on_cluster
(
    kind LowCardinality(String),
    source_id LowCardinality(String),
    id String CODEC(ZSTD(1)),
    digest String CODEC(ZSTD(1)),
    erasure_id UUID,
    asked_at DateTime64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (kind, source_id, id, erasure_id);

-- How far each erasure is. hidden_at: all tables were gone through; found_at: something of theirs
-- came late; verified_at: the files were rewritten since, and of what was counted nothing was
-- left. cut: rows of profile_states read before this moment (ns) may know what is gone.
CREATE TABLE IF NOT EXISTS $database.erasure_states $on_cluster
(
    erasure_id UUID,
    version UInt64,
    hidden_at DateTime64(3, 'UTC'),
    found_at DateTime64(3, 'UTC'),
    verified_at DateTime64(3, 'UTC'),
    cut UInt64,
    events UInt64,
    survivors UInt64
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY erasure_id;

-- Up to which time of the event a source's events were deleted because it keeps them no longer.
CREATE TABLE IF NOT EXISTS $database.expirations $on_cluster
(
    source_id LowCardinality(String),
    until DateTime64(3, 'UTC'),
    noted_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(until)
ORDER BY source_id;
