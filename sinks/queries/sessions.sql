-- A session of several profiles counts for one of them, always the same.
SELECT
    $time AS time,
    count() AS sessions,
    uniqExactIf(e.visitor, e.visitor != 0) AS profiles,
    round(avg(e.events), 3) AS events,
    round(avg(e.pages), 3) AS pages,
    round(avg(dateDiff('millisecond', e.event_time, e.last)) / 1000, 3) AS seconds,
    countIf(e.events = 1) AS bounces
FROM
(
    SELECT
        min(each.event_time) AS event_time,
        max(each.event_time) AS last,
        count() AS events,
        countIf(each.kind IN ('page', 'screen')) AS pages,
        max(each.visitor) AS visitor
    FROM
    (
        SELECT
            e.event_time AS event_time,
            e.kind AS kind,
            sipHash64(e.session_id) AS session,
            if(e.profile_id = '', 0, $visitor) AS visitor
        FROM $events AS e FINAL
        WHERE $where AND e.session_id != ''
    ) AS each
    GROUP BY each.session
) AS e
GROUP BY time
ORDER BY time
