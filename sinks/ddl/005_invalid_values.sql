-- What would not fit travels in the row of its event, so that neither is ever without the other
-- and a replay after a fix takes back what was noted.
ALTER TABLE $database.events $on_cluster
    ADD COLUMN IF NOT EXISTS invalid_values
        Array(Tuple(field String, wanted String, value String, reason String)) CODEC(ZSTD(1))
        AFTER errors;

-- collection, field, wanted type, original value as JSON text.
CREATE VIEW IF NOT EXISTS $database.invalid_values $on_cluster AS
SELECT
    noted.source_id AS source_id,
    noted.event_type AS collection,
    noted.event_id AS event_id,
    noted.event_time AS event_time,
    noted.received_at AS received_at,
    note.field AS field,
    note.wanted AS wanted,
    note.value AS value,
    note.reason AS reason
FROM
(
    SELECT source_id, event_type, event_id, event_time, received_at, invalid_values
    FROM $database.events FINAL
    WHERE notEmpty(invalid_values)
) AS noted
ARRAY JOIN noted.invalid_values AS note;
