"""What a reply to events says, as far as the edge knows it before anybody answered."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.reading import JsonObject


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in the making.

    Attributes:
        task: a UUID.
        profile: says the profile's id as far as the edge knows it, "" for nobody's; called where
            the processors do not say, since to derive an id costs more than to read an event.
        given_profile: id that the client sent and that is the same person's, or "".
        session: "" where it is not told because it is not stored.
        whole_profile: the profile as an object, not just its id.
        asked: the processors are.
        debugs: every event is.
        saves_profile: False when the client asked that it is not kept.
    """

    task: str
    profile: Callable[[], str] = str
    given_profile: str = ""
    session: str = ""
    consent: bool = False
    whole_profile: bool = False
    asked: bool = False
    debugs: bool = False
    saves_profile: bool = True
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_body(self, profile: str) -> JsonObject:
        """The union of what Tracardi 0.7 to 0.9 answer, for a profile of this id."""
        return {
            "task": self.task,
            "ux": [],
            "response": {},
            "events": [],
            "profile": self._profile(profile),
            "session": {"id": self.session or None},
            "source": {"consent": self.consent},
            "errors": list(self.errors),
            "warnings": list(self.warnings),
        }

    def _profile(self, profile: str) -> JsonObject:
        if not profile or not self.whole_profile:
            return {"id": profile or None}
        ids = {given: None for given in (self.given_profile, profile) if given}
        return {"id": profile, "ids": list(ids)}


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a redirect's visitor goes.

    Attributes:
        url: in ASCII, fit for a header.
    """

    url: str
