-- What events say of profiles and of groups: the topic's records as a set. Copies of one change
-- are one row. What a client sends again is received again and is a row of its own: which of the
-- two counts must not depend on which came last, so the fold decides.
CREATE TABLE IF NOT EXISTS $database.profile_changes $on_cluster
(
    profile_id String CODEC(ZSTD(1)),
    change_id UUID,
    source_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    change String CODEC(ZSTD(1)),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    kafka_offset UInt64 CODEC(Delta, ZSTD(1)),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1,
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(stored_at)
ORDER BY (profile_id, change_id)
-- A profile is read by its id, a few rows at a time.
SETTINGS index_granularity = 512;

-- What the changes of a profile, and of those that were merged into it, add up to. The version is
-- the moment of this server at which the changes were read, in ns: whoever read last knew all.
CREATE TABLE IF NOT EXISTS $database.profile_states $on_cluster
(
    profile_id String CODEC(ZSTD(1)),
    version UInt64,
    kind LowCardinality(String),
    source_ids Array(LowCardinality(String)),
    members Array(String) CODEC(ZSTD(1)),
    ids Map(LowCardinality(String), Array(String)) CODEC(ZSTD(1)),
    user_ids Array(String) MATERIALIZED ids['user'] CODEC(ZSTD(1)),
    anonymous_ids Array(String) MATERIALIZED ids['anonymous'] CODEC(ZSTD(1)),
    emails Array(String) MATERIALIZED ids['email'] CODEC(ZSTD(1)),
    phones Array(String) MATERIALIZED ids['phone'] CODEC(ZSTD(1)),
    groups Map(String, String) CODEC(ZSTD(1)),
    traits JSON(max_dynamic_paths = 16) CODEC(ZSTD(1)),
    -- As it was said: a JSON column drops what is null and takes "a.b" for a path.
    traits_text String CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    last_seen DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    changes UInt64 CODEC(ZSTD(1)),
    notes Array(String) CODEC(ZSTD(1)),
    digest UInt64,
    fold UInt16,
    INDEX by_user user_ids TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_anonymous anonymous_ids TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_email emails TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_phone phones TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY profile_id
SETTINGS index_granularity = 512, object_shared_data_serialization_version = 'map_with_buckets';

-- Every profile that goes on as another one, with the one it is in the end. The version counts
-- the merges that were known, in their topic's order: whoever knew more is right.
CREATE TABLE IF NOT EXISTS $database.profile_overrides $on_cluster
(
    profile_id String CODEC(ZSTD(1)),
    merged_into String CODEC(ZSTD(1)),
    version UInt64,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY profile_id;

-- Loaded as this server's user `default`; the sinks have it read again as merges come.
CREATE DICTIONARY IF NOT EXISTS $database.profile_overrides_dict $on_cluster
(
    profile_id String,
    merged_into String
)
PRIMARY KEY profile_id
SOURCE(CLICKHOUSE(
    QUERY 'SELECT profile_id, merged_into FROM $database.profile_overrides FINAL'
    INVALIDATE_QUERY 'SELECT max(stored_at) FROM $database.profile_overrides'
))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 1 MAX 3);

CREATE VIEW IF NOT EXISTS $database.profiles $on_cluster AS
SELECT
    profile_id,
    source_ids[1] AS source_id,
    source_ids,
    ids,
    user_ids,
    anonymous_ids,
    emails,
    phones,
    groups,
    traits,
    traits_text,
    first_seen,
    last_seen,
    changes,
    notes
FROM $database.profile_states FINAL
WHERE kind = 'profile' AND changes > 0 AND profile_id NOT IN (
    SELECT profile_id FROM $database.profile_overrides FINAL WHERE merged_into != profile_id
);

CREATE VIEW IF NOT EXISTS $database.groups $on_cluster AS
SELECT
    profile_id,
    source_ids[1] AS source_id,
    mapKeys(ids)[1] AS group_type,
    mapValues(ids)[1][1] AS group_id,
    traits,
    traits_text,
    first_seen,
    last_seen,
    changes,
    notes
FROM $database.profile_states FINAL
WHERE kind = 'group' AND changes > 0;

-- Events with the profile that their visitor is today, whatever it was when they came.
CREATE VIEW IF NOT EXISTS $database.events_resolved $on_cluster AS
SELECT
    event.* EXCEPT profile_id,
    if(override.merged_into = '', event.profile_id, override.merged_into) AS profile_id,
    event.profile_id AS first_profile_id
FROM $database.events AS event FINAL
ANY LEFT JOIN (SELECT profile_id, merged_into FROM $database.profile_overrides FINAL) AS override
ON event.profile_id = override.profile_id;
