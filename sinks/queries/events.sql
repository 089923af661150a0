SELECT
    time,
    mapFromArrays({labels:Array(String)}, CAST([$keys], 'Array(Nullable(String))')) AS groups,
    events,
    profiles
FROM
(
    SELECT
        $time AS time,
        $groups
        count() AS events,
        uniqExactIf($visitor, e.profile_id != '') AS profiles
    FROM $events AS e FINAL
    WHERE $where AND $kept
    GROUP BY $by
)
ORDER BY time, events DESC, groups
LIMIT {limit:UInt32}
