// Notifications of Intercom: https://developers.intercom.com/docs/references/webhooks/webhook-models

const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value)));

function transform(request) {
  const told = request.json, item = told?.data?.item;
  if (told?.type !== 'notification_event' || told.topic === 'ping' || !item) return null;
  const contact = ['contact', 'user', 'lead', 'visitor'].includes(item.type) ? item
    : item.contact ?? item.user ?? item.contacts?.contacts?.[0];
  const { id, type, created_at, updated_at, ...rest } = plain(item);
  return {
    name: `intercom_${told.topic.replace(/\W/g, '_')}`,
    id: told.id,
    time: told.created_at,
    user_id: contact?.external_id ?? contact?.user_id ?? contact?.id,
    properties: { ...rest, app: told.app_id, object: type, object_id: id, email: contact?.email },
  };
}
