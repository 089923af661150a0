SELECT
    toString(e.page_host) AS host,
    e.page_path AS path,
    count() AS views,
    uniqExactIf($visitor, e.profile_id != '') AS profiles,
    uniqExactIf(sipHash64(e.session_id), e.session_id != '') AS sessions
FROM $events AS e FINAL
WHERE $where AND $viewed
GROUP BY host, path
ORDER BY views DESC, host, path
LIMIT {limit:UInt32}
