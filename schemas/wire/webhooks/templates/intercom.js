// Notifications of Intercom: https://developers.intercom.com/docs/references/webhooks/webhook-models

const PEOPLE = ['contact', 'user', 'lead', 'visitor'];
const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value)));

function transform(request) {
  const told = request.json, item = told?.data?.item;
  if (told?.type !== 'notification_event' || told.topic === 'ping' || !item) return null;
  const author = item.source?.author;
  const contact = PEOPLE.includes(item.type) ? item
    : item.contact ?? item.user ?? (item.contacts?.contacts ?? item.contacts)?.[0] ??
      (PEOPLE.includes(author?.type) ? author : undefined);
  const { id, type, created_at, updated_at, ...rest } = plain(item);
  return {
    name: `intercom_${told.topic.replace(/\W/g, '_')}`,
    id: told.id,
    time: told.created_at,
    user_id: contact?.external_id || contact?.user_id || contact?.id,
    properties: {
      ...rest, app: told.app_id, object: type, object_id: id ?? item.conversation_id,
      email: contact?.email || undefined, tag: item.tag?.name,
    },
  };
}
