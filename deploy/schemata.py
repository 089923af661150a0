"""What is known of every source's collections: declared in the schemas topic, seen in the rows."""

from collections.abc import Awaitable, Callable, Mapping

from deploy.registry import Tail
from deploy.writes import Writer, place_of
from schemas.catalog import MAX_COLLECTIONS, OVERFLOW, Collection, extended
from schemas.errors import Malformed
from schemas.reading import COLUMN_KEYS
from schemas.validations import Validation, added, of_source, unknown, without

Observe = Callable[[str], Awaitable[Mapping[str, Mapping[str, str]]]]
"""Source id -> event type -> property -> type, as :meth:`sinks.archive.Archive.properties`."""


class Schemata:
    """The schemas of all sources; see :class:`deploy.desk.Desk` for what is raised."""

    def __init__(self, topic: str, tail: Tail, writer: Writer, observe: Observe) -> None:
        self._topic = topic
        self._tail = tail
        self._writer = writer
        self._observe = observe

    async def show(self, source_id: str) -> tuple[Collection, ...]:
        """Everything declared or seen, by name; a declared type is above a seen one."""
        known = {each.name: each for each in self._tail.catalog.of(source_id)}
        for name, properties in (await self._observe(source_id)).items():
            known[name] = _with(known.get(name) or Collection(source_id, name), properties)
        return tuple(known[name] for name in sorted(known))

    async def declare(self, source_id: str, name: str, properties: Mapping[str, str]) -> Collection:
        """Add properties to a collection, which need not exist yet."""
        self._refuse_too_many(source_id, name)
        return await self._put(source_id, name, lambda old: extended(old, properties))

    def validations(self, source_id: str) -> tuple[Validation, ...]:
        """What a source's events are held against, by event type and name."""
        return of_source(self._tail.catalog.of(source_id))

    async def validate(self, source_id: str, validation: Validation) -> Validation:
        """Hold events of a type against a schema, whose collection need not exist yet."""
        from processors.steps.validate import compiled  # noqa: PLC0415 - most processes never do

        compiled(validation.name, validation.schema)
        self._refuse_too_many(source_id, validation.event_type)

        def change(old: Collection) -> Collection:
            return added(extended(old, {}), validation, self.validations(source_id))

        await self._put(source_id, validation.event_type, change, of_all=True)
        return validation

    async def stop_validating(self, source_id: str, name: str) -> None:
        """Take a validation away."""
        found = (each for each in self.validations(source_id) if each.name == name)
        validation = next(found, None)
        if validation is None:
            raise unknown(name)
        await self._put(source_id, validation.event_type, lambda old: without(old, name))

    def _refuse_too_many(self, source_id: str, name: str) -> None:
        catalog = self._tail.catalog
        if catalog.get(source_id, name) is None and catalog.count(source_id) >= MAX_COLLECTIONS:
            message = f"source {source_id} has {MAX_COLLECTIONS} collections already"
            raise Malformed("collection-invalid", message, status=409)

    async def freeze(self, source_id: str) -> None:
        """Write down what is seen, before anything is refused for not being in there."""
        for seen in await self.show(source_id):
            if self._tail.catalog.get(source_id, seen.name) != seen:
                await self._put(source_id, seen.name, _adding(seen.properties))

    async def _put(
        self,
        source_id: str,
        name: str,
        change: Callable[[Collection], Collection],
        *,
        of_all: bool = False,
    ) -> Collection:
        nothing = Collection(source_id, name)

        def known() -> Collection | None:
            return self._tail.catalog.get(source_id, name)

        place = place_of(self._topic, nothing.key, known)
        return await self._writer.put(place, lambda: change(known() or nothing), of_all=of_all)


def _adding(seen: Mapping[str, str]) -> Callable[[Collection], Collection]:
    return lambda old: _with(old, seen)


def _with(collection: Collection, seen: Mapping[str, str]) -> Collection:
    """Add what was seen and is not declared, as far as a collection can hold it."""
    merged = dict(collection.properties)
    for name, type_name in seen.items():
        if len(merged) >= COLUMN_KEYS:
            break
        if name != OVERFLOW:
            merged.setdefault(name, type_name)
    return collection.holding(merged)
