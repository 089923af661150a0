-- What a webhook's request became beyond one event: its script may make many of it.
ALTER TABLE $database.ledger $on_cluster
    ADD COLUMN IF NOT EXISTS made Array(UInt32) DEFAULT arrayWithConstant(length(offsets), 0)
    CODEC(ZSTD(1)) AFTER dead;
