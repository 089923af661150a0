SELECT
    mapFromArrays({labels:Array(String)}, CAST([$keys], 'Array(Nullable(String))')) AS groups,
    profiles,
    sessions,
    events,
    last
FROM
(
    SELECT
        $groups
        uniqExactIf($visitor, e.profile_id != '') AS profiles,
        uniqExactIf(sipHash64(e.session_id), e.session_id != '') AS sessions,
        count() AS events,
        max(e.event_time) AS last
    FROM $events AS e FINAL
    WHERE $where
    GROUP BY $by
)
WHERE events > 0
ORDER BY profiles DESC, events DESC, groups
LIMIT {limit:UInt32}
