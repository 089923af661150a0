-- Everything derived from events hangs on events_feed, a table that keeps nothing. A server that
-- dies between the part of events and the parts of its views leaves the views short; the sink
-- then feeds the landed rows again (INSERT INTO events_feed SELECT .. FROM events), which is why
-- only states that may see a row twice are allowed below: min, max, argMin, argMax, uniqExact.
CREATE TABLE IF NOT EXISTS $database.events_feed $on_cluster
(
    source_id LowCardinality(String),
    session_id String,
    event_id UUID,
    event_time DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    profile_id String,
    user_id String,
    page_url String,
    referrer String,
    country LowCardinality(String),
    device_type LowCardinality(String),
    utm_source LowCardinality(String),
    utm_medium LowCardinality(String),
    utm_campaign LowCardinality(String)
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS $database.session_states $on_cluster
(
    source_id LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    started SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    ended SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    events AggregateFunction(uniqExact, UUID),
    pages AggregateFunction(uniqExactIf, UUID, UInt8),
    profile_id AggregateFunction(argMax, String, Tuple(DateTime64(3, 'UTC'), UUID)),
    user_id AggregateFunction(argMaxIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    entry AggregateFunction(argMinIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    exit AggregateFunction(argMaxIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    referrer AggregateFunction(argMinIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    country AggregateFunction(argMinIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    device_type AggregateFunction(argMinIf, String, Tuple(DateTime64(3, 'UTC'), UUID), UInt8),
    campaign AggregateFunction(
        argMinIf, Tuple(String, String, String), Tuple(DateTime64(3, 'UTC'), UUID), UInt8
    )
)
ENGINE = ${replicated}AggregatingMergeTree
PARTITION BY clamp(toYYYYMM(started), 202001, 203512)
ORDER BY (source_id, session_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.session_states_feed $on_cluster
TO $database.session_states AS
SELECT
    source_id,
    session_id,
    min(event_time) AS started,
    max(event_time) AS ended,
    uniqExactState(event_id) AS events,
    uniqExactIfState(event_id, kind IN ('page', 'screen')) AS pages,
    argMaxState(feed.profile_id, moment) AS profile_id,
    argMaxIfState(feed.user_id, moment, feed.user_id != '') AS user_id,
    argMinIfState(page_url, moment, page_url != '') AS entry,
    argMaxIfState(page_url, moment, page_url != '') AS exit,
    argMinIfState(feed.referrer, moment, feed.referrer != '') AS referrer,
    argMinIfState(toString(feed.country), moment, feed.country != '') AS country,
    argMinIfState(toString(feed.device_type), moment, feed.device_type != '') AS device_type,
    argMinIfState(
        (toString(utm_source), toString(utm_medium), toString(utm_campaign)),
        moment,
        utm_source != '' OR utm_medium != '' OR utm_campaign != ''
    ) AS campaign
FROM (SELECT *, (event_time, event_id) AS moment FROM $database.events_feed) AS feed
WHERE session_id != ''
GROUP BY source_id, session_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.events_to_feed $on_cluster
TO $database.events_feed AS
SELECT
    source_id, session_id, event_id, event_time, kind, profile_id, user_id, page_url, referrer,
    country, device_type, utm_source, utm_medium, utm_campaign
FROM $database.events;

CREATE VIEW IF NOT EXISTS $database.sessions $on_cluster AS
SELECT
    * EXCEPT campaign_parts,
    dateDiff('millisecond', start, `end`) / 1000 AS duration,
    campaign_parts.1 AS utm_source,
    campaign_parts.2 AS utm_medium,
    campaign_parts.3 AS campaign
FROM
(
    SELECT
        source_id,
        session_id,
        argMaxMerge(states.profile_id) AS profile_id,
        argMaxIfMerge(states.user_id) AS user_id,
        min(started) AS start,
        max(ended) AS `end`,
        uniqExactMerge(states.events) AS events,
        uniqExactIfMerge(states.pages) AS pages,
        argMinIfMerge(states.entry) AS entry,
        argMaxIfMerge(states.exit) AS exit,
        argMinIfMerge(states.referrer) AS referrer,
        argMinIfMerge(states.country) AS country,
        argMinIfMerge(states.device_type) AS device_type,
        argMinIfMerge(states.campaign) AS campaign_parts
    FROM $database.session_states AS states
    GROUP BY source_id, session_id
);
