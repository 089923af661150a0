"""Webhooks as they are made and changed; every definition is written here."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from deploy.registry import Tail
from deploy.sealing import sealing
from deploy.settings import Settings
from deploy.tier import new_id
from deploy.unknown import unknown
from deploy.webhooks import templates
from deploy.webhooks.admitting import SEALED_FOR
from deploy.webhooks.trial import tried
from deploy.writes import Place, Writer, place_of
from schemas.errors import Malformed
from schemas.sources import Source
from schemas.webhook_commands import (
    ActivateWebhook,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    ListWebhookTemplates,
    ShowWebhook,
    TestWebhook,
    Trial,
    WebhookTemplate,
)
from schemas.webhook_fields import Draft, changed, new_webhook, wrong
from schemas.webhooks import MAX_WEBHOOKS, Secret, Version, Webhook

_OF_TEMPLATE: Final = ("script", "answer", "delivery", "echo")
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404


class Keep:
    """The webhooks of an installation; see :class:`deploy.desk.Desk` for what is raised.

    Args:
        source: finds an event source.
        clock: Unix ms.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        writer: Writer,
        *,
        source: Callable[[str], Source],
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._seal = sealing(settings)
        self._tail = tail
        self._writer = writer
        self._source = source
        self._clock = clock
        self.asks: Mapping[type, Callable[[Any], Any]] = {
            ListWebhooks: self.list,
            ShowWebhook: self.show,
            ListWebhookTemplates: self.templates,
            TestWebhook: self.test,
        }
        self.writes: Mapping[type, Callable[[Any], Any]] = {
            CreateWebhook: self.create,
            ChangeWebhook: self.change,
            DeleteWebhook: self.delete,
            ActivateWebhook: self.activate,
        }

    async def list(self, command: ListWebhooks) -> tuple[Webhook, ...]:  # noqa: ARG002
        """All webhooks, by id."""
        return self._tail.webhooks.all()

    async def show(self, command: ShowWebhook) -> Webhook:
        """One webhook."""
        return self._find(command.webhook_id)

    async def templates(
        self,
        command: ListWebhookTemplates,  # noqa: ARG002
    ) -> tuple[WebhookTemplate, ...]:
        """All templates, by name."""
        return templates.every()

    async def create(self, command: CreateWebhook) -> Webhook:
        """Make a webhook."""
        given, now = new_webhook(_of_template(command.fields)), self._clock()
        made = replace(given.webhook, created_at=now, updated_at=now)
        made = self._sealed(given, made).with_script(given.script, now)

        def draft() -> Webhook:
            if self._tail.webhooks.get(made.id):
                message = f"there is a webhook {made.id!r} already"
                raise Malformed("webhook-exists", message, status=_CONFLICT)
            if len(self._tail.webhooks.all()) >= MAX_WEBHOOKS:
                message = f"there are {MAX_WEBHOOKS} webhooks already: delete some"
                raise Malformed("too-many-webhooks", message, status=_CONFLICT)
            return self._checked(made)

        return await self._writer.put(self._place(made.id), draft, of_all=True)

    async def change(self, command: ChangeWebhook) -> Webhook:
        """Change fields of a webhook."""
        webhook_id = self._find(command.webhook_id).id

        def draft() -> Webhook:
            old, now = self._find(webhook_id), self._clock()
            given = changed(old, command.changes)
            new = self._sealed(given, replace(given.webhook, updated_at=now))
            if given.script:
                new = new.with_script(given.script, now)
            if new.active:
                _fit_to_run(new)
            return self._checked(new)

        return await self._writer.put(self._place(webhook_id), draft, of_all=True)

    async def delete(self, command: DeleteWebhook) -> None:
        """Take a webhook away."""
        webhook_id = self._find(command.webhook_id).id
        await self._writer.drop(self._place(webhook_id), lambda: self._find(webhook_id))

    async def test(self, command: TestWebhook) -> Trial:
        """Try a version, and note where it passed."""
        webhook = self._find(command.webhook_id)
        version = _version(webhook, command.version)
        samples = (command.sample,) if command.sample else _samples(webhook)
        trial = Trial(version.number)
        for sample in samples:
            one = await asyncio.to_thread(
                tried, webhook, version, sample, clock=self._clock, new_id=new_id
            )
            trial = replace(one, events=trial.events + one.events, said=trial.said + one.said)
            if one.code:
                return trial

        def draft() -> Webhook:
            now, known = self._clock(), self._find(webhook.id)
            passed = [
                replace(each, tested_at=now) if each == version else each for each in known.versions
            ]
            return replace(known, versions=tuple(passed))

        await self._writer.put(self._place(webhook.id), draft)
        return trial

    async def activate(self, command: ActivateWebhook) -> Webhook:
        """Let a version run from now on."""
        webhook_id = self._find(command.webhook_id).id

        def draft() -> Webhook:
            known = self._find(webhook_id)
            version = _version(known, command.version)
            if not version.tested_at:
                message = (
                    f"version {version.number} has not passed a test: "
                    f"headrace webhooks test {webhook_id} --sample FILE"
                )
                raise Malformed("webhook-untested", message, status=_CONFLICT)
            _fit_to_run(known)
            return replace(known, active=version.number, updated_at=self._clock())

        return await self._writer.put(self._place(webhook_id), draft)

    def _find(self, webhook_id: str) -> Webhook:
        found = self._tail.webhooks.get(webhook_id)
        if found is None:
            raise unknown("webhook", webhook_id, [each.id for each in self._tail.webhooks.all()])
        return found

    def _checked(self, webhook: Webhook) -> Webhook:
        """Hold a webhook against what is there."""
        try:
            self._source(webhook.source)
        except Malformed as error:
            raise wrong("source", error.message) from error
        if webhook.collects:
            for each in self._tail.webhooks.all():
                if each.collects and each.source == webhook.source and each.id != webhook.id:
                    message = f"/collect of {webhook.source} goes through webhook {each.id} already"
                    raise Malformed("webhook-exists", message, status=_CONFLICT)
        return webhook

    def _sealed(self, draft: Draft, webhook: Webhook) -> Webhook:
        if draft.secrets is None:
            return webhook
        made = []
        for text in draft.secrets:
            secret_id = new_id()
            sealed = self._seal(text, SEALED_FOR, webhook.id, secret_id)
            made.append(Secret(secret_id, sealed, self._clock()))
        return replace(webhook, secrets=tuple(made))

    def _place(self, webhook_id: str) -> Place[Webhook]:
        topic = self._settings.topics.webhooks.name
        return place_of(topic, webhook_id.encode(), lambda: self._tail.webhooks.get(webhook_id))


def _of_template(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what a template says and the caller did not."""
    name = fields.get("template")
    if type(name) is not str or not name:
        return fields
    template = templates.find(name)
    said: dict[str, Any] = {each: getattr(template, each) for each in _OF_TEMPLATE}
    said["signature"] = templates.declared(name).get("signature")
    return said | dict(fields)


def _version(webhook: Webhook, number: int) -> Version:
    found = webhook.version(number) if number else webhook.versions[-1]
    if found is None:
        known = ", ".join(str(each.number) for each in webhook.versions)
        message = f"webhook {webhook.id} has no version {number}; there are: {known}"
        raise Malformed("version-unknown", message, status=_NOT_FOUND)
    return found


def _samples(webhook: Webhook) -> tuple[Any, ...]:
    if not webhook.template:
        raise wrong("sample", 'give a sample: --sample FILE, or {"sample": {"body": ...}}')
    return templates.find(webhook.template).samples


def _fit_to_run(webhook: Webhook) -> None:
    if webhook.signature is not None and not webhook.secrets:
        message = (
            "it declares a signature and has no secret: give the sender's, or null for signature"
        )
        raise Malformed("webhook-unsigned", message, status=_CONFLICT)
