-- What processors derive. ``original_time`` is the client's time of the event where that cannot be
-- true and another one stands in ``event_time``: ISO 8601, or Unix ms beyond the calendar.
ALTER TABLE $database.events $on_cluster
    ADD COLUMN IF NOT EXISTS page_host LowCardinality(String) AFTER page_url,
    ADD COLUMN IF NOT EXISTS referrer_medium LowCardinality(String) AFTER referrer_host,
    ADD COLUMN IF NOT EXISTS referrer_source LowCardinality(String) AFTER referrer_medium,
    ADD COLUMN IF NOT EXISTS referrer_term String CODEC(ZSTD(1)) AFTER referrer_source,
    ADD COLUMN IF NOT EXISTS click_id_type LowCardinality(String) AFTER utm_content,
    ADD COLUMN IF NOT EXISTS click_id String CODEC(ZSTD(1)) AFTER click_id_type,
    ADD COLUMN IF NOT EXISTS latitude Nullable(Float32) CODEC(ZSTD(1)) AFTER city,
    ADD COLUMN IF NOT EXISTS longitude Nullable(Float32) CODEC(ZSTD(1)) AFTER latitude,
    ADD COLUMN IF NOT EXISTS is_bot Bool AFTER device_type,
    ADD COLUMN IF NOT EXISTS original_time String CODEC(ZSTD(1)) AFTER sent_at;
