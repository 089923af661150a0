// Events of Stripe: https://docs.stripe.com/api/events/object
// parameters.user: key of the object's metadata that holds your user's id, `user_id` unless given; or
// `client_reference_id`, of checkouts. Without it the customer of Stripe's is the user.

const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([name, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) && !name.endsWith('secret')));

function transform(request, parameters) {
  const event = request.json;
  if (!event || event.object !== 'event') return null;
  const object = event.data.object, metadata = object.metadata ?? {}, user = parameters.user ?? 'user_id';
  const customer = object.object === 'customer' ? object.id : object.customer;
  const { id, object: kind, created, ...rest } = plain(object);
  return {
    name: `stripe_${event.type.replace(/\W/g, '_')}`,
    id: event.id,
    time: event.created,
    user_id: metadata[user] ?? (user === 'client_reference_id' ? object[user] : undefined) ??
      (typeof customer === 'string' ? customer : customer?.id),
    properties: {
      ...rest,
      object: kind,
      object_id: id,
      livemode: event.livemode,
      account: event.account,
      metadata: Object.keys(metadata).length ? metadata : undefined,
      changed: event.data.previous_attributes && Object.keys(event.data.previous_attributes),
    },
  };
}
