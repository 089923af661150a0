// Events of Stripe: https://docs.stripe.com/api/events/object, and thin ones of event destinations.
// parameters.user: key of the object's metadata that holds your user's id, `user_id` unless given; or
// `client_reference_id`, of checkouts. Without it the customer of Stripe's is the user.

const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([name, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) && !name.endsWith('secret')));

function about(event, parameters) {
  const object = event.data.object, metadata = object.metadata ?? {}, user = parameters.user ?? 'user_id';
  const customer = object.object === 'customer' ? object.id : object.customer;
  const { id, object: kind, created, ...rest } = plain(object);
  return {
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

// tells which object to ask Stripe for, not what it is
function pointing({ related_object: related, data, livemode, context }) {
  return {
    properties: { ...plain(data), object: related?.type, object_id: related?.id, livemode, account: context ?? undefined },
  };
}

function transform(request, parameters) {
  const event = request.json;
  if (event?.object !== 'event' && event?.object !== 'v2.core.event') return null;
  return {
    name: `stripe_${event.type.replace(/\W/g, '_')}`,
    id: event.id,
    time: event.created,
    ...(event.object === 'event' ? about(event, parameters) : pointing(event)),
  };
}
