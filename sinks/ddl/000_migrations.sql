CREATE DATABASE IF NOT EXISTS $database $on_cluster;

-- One row per applied step; reapplying a step is harmless, so a lost row is too.
CREATE TABLE IF NOT EXISTS $database.migrations $on_cluster
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(applied_at)
ORDER BY name;
