"""ClickHouse on one machine: chDB, the embedded ClickHouse, behind ClickHouse's HTTP interface.

Clients that speak HTTP to a ClickHouse server (clickhouse-connect, curl, Grafana, notebooks) work
unmodified. One process holds one engine over one directory. It is meant for one machine; beyond
that, point the same settings at a ClickHouse server. Boundaries, each refused with an error that
says so: no native TCP protocol, no external tables, no ``compress=1`` and ``decompress=1`` bodies,
no ``INSERT ... SELECT ... FROM input()``, no replication. ``query_id`` is echoed but not known to
the engine, so ``KILL QUERY`` finds statements by their text only; ``client_protocol_version`` is
ignored, as by servers before 21.
"""
