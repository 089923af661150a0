-- Steps at one and the same moment count as in their order, for clients send events in batches
-- with one time. A way counts from its latest first step, which is what is nearest to the last.
SELECT
    step,
    {steps:Array(String)}[step] AS event_type,
    reached[step] AS profiles,
    if(reached[1] = 0, 0, round(reached[step] / reached[1], 6)) AS of_first,
    if(reached[greatest(step - 1, 1)] = 0, 0,
        round(reached[step] / reached[greatest(step - 1, 1)], 6)) AS of_previous
FROM
(
    SELECT arrayResize(
        sumForEach(arrayMap(n -> if(n <= level, profiles, 0), range(1, length({steps:Array(String)}) + 1))),
        length({steps:Array(String)})
    ) AS reached
    FROM
    (
        SELECT level, count() AS profiles
        FROM
        (
            SELECT
                windowFunnel({window:UInt64})(
                    toUInt64(toUnixTimestamp64Milli(e.event_time)), $conditions
                ) AS level
            FROM $events AS e FINAL
            WHERE $where AND e.profile_id != '' AND has({steps:Array(String)}, e.event_type)
            GROUP BY $visitor
        )
        GROUP BY level
    )
)
ARRAY JOIN range(1, length({steps:Array(String)}) + 1) AS step
ORDER BY step
