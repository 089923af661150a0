// Events of Stripe: https://docs.stripe.com/api/events/object
// parameters.user: key of the object's metadata that holds your user's id; `user_id` unless given.

const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value)));

function transform(request, parameters) {
  const event = request.json;
  if (!event || event.object !== 'event') return null;
  const object = event.data.object;
  const customer = object.object === 'customer' ? object.id : object.customer;
  const { id, object: kind, created, ...rest } = plain(object);
  return {
    name: `stripe_${event.type.replace(/\W/g, '_')}`,
    id: event.id,
    time: event.created,
    user_id: object.metadata?.[parameters.user ?? 'user_id'] ??
      (typeof customer === 'string' ? customer : customer?.id),
    properties: { ...rest, object: kind, object_id: id, livemode: event.livemode },
  };
}
