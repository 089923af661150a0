-- One row per collection, written whole: what it holds does not depend on which of several sinks
-- wrote it, or how often. digest tells two such rows apart.
CREATE TABLE IF NOT EXISTS $database.collection_states $on_cluster
(
    source_id LowCardinality(String),
    name String CODEC(ZSTD(1)),
    database LowCardinality(String),
    view String CODEC(ZSTD(1)),
    version UInt64,
    properties Array(Tuple(
        name String,
        column String,
        type LowCardinality(String),
        first_seen Nullable(DateTime64(3, 'UTC')),
        last_seen Nullable(DateTime64(3, 'UTC'))
    )) CODEC(ZSTD(1)),
    digest String CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(updated_at)
ORDER BY (source_id, name);

-- A collection without properties has one row, in which property and type are ''.
CREATE VIEW IF NOT EXISTS $database.collections $on_cluster AS
SELECT
    source_id,
    name AS collection,
    each.name AS property,
    each.type AS type,
    each.first_seen AS first_seen,
    each.last_seen AS last_seen,
    position,
    database,
    view,
    each.column AS column,
    version,
    updated_at
FROM $database.collection_states FINAL
LEFT ARRAY JOIN properties AS each, arrayEnumerate(properties) AS position;
