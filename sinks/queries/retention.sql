-- Buckets are numbered, so that "so many later" is a difference; -1 stands for the cohort itself.
SELECT
    $bucket_start AS cohort,
    size,
    period,
    counts[period] AS profiles,
    round(profiles / size, 6) AS share
FROM
(
    SELECT
        first,
        sumIf(profiles, later = -1) AS size,
        mapFromArrays(groupArray(toInt64(later)), groupArray(profiles)) AS counts
    FROM
    (
        SELECT first, later, count() AS profiles
        FROM
        (
            SELECT
                first,
                arrayJoin(arrayConcat([toInt64(-1)], arrayMap(b -> b - first, arrayFilter(b -> b >= first, buckets)))) AS later
            FROM
            (
                SELECT
                    minIf($bucket, $starts) AS first,
                    groupUniqArrayIf($bucket, $returns) AS buckets
                FROM $events AS e FINAL
                WHERE $where AND e.profile_id != ''
                GROUP BY $visitor
                HAVING countIf($starts) > 0
            )
        )
        WHERE later BETWEEN -1 AND {periods:Int64}
        GROUP BY first, later
    )
    GROUP BY first
)
ARRAY JOIN range(0, toInt64(least({periods:Int64}, $last_bucket - first)) + 1) AS period
ORDER BY cohort, period
