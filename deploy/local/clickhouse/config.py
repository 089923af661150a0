"""What one stand-in is started with, and the files the engine reads at its start."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickHouseConfig:
    """Everything the stand-in is told; nothing is read from the environment.

    Sizes are bytes, times are seconds. ``port=0`` binds a free port. ``memory_bytes`` bounds what
    the engine may allocate for statements, merges and caches together; left out, it is a quarter of
    the machine's memory, 4 GiB at most. ``fsync`` makes an insert durable against power loss, not
    only against a killed process; it costs about 10 ms per insert on a local disk.

    ``max_answer_bytes`` bounds an answer that cannot be streamed and so waits on the disk.

    Raises ``ValueError`` when the two users cannot be told apart or the writer has no name or
    password: an unguarded writer would make the read-only user pointless.
    """

    data: Path
    writer_user: str
    writer_password: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8123
    reader_user: str = "default"
    reader_password: str = field(default="", repr=False)
    memory_bytes: int | None = None
    background_threads: int = 2
    fsync: bool = True
    max_body_bytes: int = 1 * _GIB
    max_statement_bytes: int = 16 * _MIB
    max_answer_bytes: int = 4 * _GIB
    running_statements: int = 8
    waiting_statements: int = 128
    receive_timeout: float = 30.0
    session_timeout_max: float = 3600.0
    select_grace: float = 5.0

    def __post_init__(self) -> None:
        if not self.writer_user or not self.writer_password:
            raise ValueError("the writing user needs a name and a password: pass both")
        if self.writer_user == self.reader_user:
            raise ValueError(
                f"the writing and the read-only user are both called {self.writer_user!r}: "
                "give them different names"
            )
        if any(character in str(self.data) for character in "?&%"):
            raise ValueError(f"the engine cannot use a path with ?, & or % in it: {self.data}")


# What a writer may do. Left out: sources (file, url, s3, remote and their kin), users and grants,
# backups, named collections, and shutting the engine down. CHECK and SYSTEM are what migrations
# and operators use.
_GRANTS = (
    "GRANT SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, "
    "CREATE DICTIONARY, CREATE TEMPORARY TABLE, CREATE FUNCTION, DROP, UNDROP TABLE, TRUNCATE, "
    "OPTIMIZE, CHECK, KILL QUERY, dictGet, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM FLUSH, "
    "SYSTEM RELOAD DICTIONARY ON *.*"
)


def engine_memory(config: ClickHouseConfig) -> int:
    """The engine's memory bound in bytes."""
    if config.memory_bytes is not None:
        return config.memory_bytes
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(4 * _GIB, machine // 4)


def _server_settings(config: ClickHouseConfig) -> dict[str, object]:
    memory = engine_memory(config)
    cache = max(16 * _MIB, min(256 * _MIB, memory // 16))
    return {
        "users_config": "users.xml",
        "timezone": "UTC",
        "max_server_memory_usage": memory,
        "mark_cache_size": cache,
        "primary_index_cache_size": cache,
        "index_mark_cache_size": cache,
        "query_condition_cache_size": cache,
        "text_index_tokens_cache_size": cache,
        "text_index_header_cache_size": cache,
        "text_index_postings_cache_size": cache,
        "vector_similarity_index_cache_size": cache,
        "parquet_metadata_cache_size": cache,
        "iceberg_metadata_files_cache_size": cache,
        # merges use at most these threads, so they cannot take the machine from the other tiers
        "background_pool_size": config.background_threads,
        "background_merges_mutations_concurrency_ratio": 1,
        "background_schedule_pool_size": 2,
        "background_schedule_pool_initial_size": 2,
        "max_io_thread_pool_size": 16,
        "asynchronous_metrics_update_period_s": 60,
        # a big binary would otherwise be locked into memory, which the other tiers need
        "mlock_executable": "false",
    }


def _element(tag: str, children: dict[str, object]) -> ET.Element:
    element = ET.Element(tag)
    for name, value in children.items():
        if isinstance(value, dict):
            element.append(_element(name, value))
        else:
            ET.SubElement(element, name).text = str(value)
    return element


def _users() -> ET.Element:
    # Every handle of the embedded engine runs as the user `default`; who may read and who may
    # write is decided per handle (see `engine`). No password of ours is written here.
    return _element(
        "clickhouse",
        {
            "profiles": {"default": {"constraints": {"format_schema": {"const": ""}}}},
            "quotas": {"default": {}},
            "users": {
                "default": {
                    "password": "",
                    "networks": {"ip": "::/0"},
                    "profile": "default",
                    "quota": "default",
                    "grants": {"query": _GRANTS},
                }
            },
        },
    )


def write_engine_files(config: ClickHouseConfig, folder: Path) -> Path:
    """Write the engine's configuration into ``folder`` and return the path of its main file."""
    settings = _server_settings(config)
    settings["users_config"] = folder / "users.xml"
    fsync = {"fsync_after_insert": 1, "fsync_part_directory": 1} if config.fsync else {}
    settings["merge_tree"] = fsync
    for name, root in (("users.xml", _users()), ("engine.xml", _element("clickhouse", settings))):
        ET.indent(root)
        ET.ElementTree(root).write(folder / name, encoding="utf-8")
    return folder / "engine.xml"
