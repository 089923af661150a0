// Events of SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
// parameters.user: `email`, or the unique argument that holds your user's id; `user_id` unless given.
// Unique arguments are properties by their own names, where they are texts, numbers or booleans.

const plain = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value)));

function transform(request, parameters) {
  const user = parameters.user ?? 'user_id';
  return request.json.map((event) => {
    const {
      email, timestamp, event: what, sg_event_id, sg_message_id, category, url, reason, status, response,
      attempt, type, sg_machine_open, asm_group_id, useragent, ip, [user]: argument, ...rest
    } = event;
    delete rest['smtp-id'];
    return {
      name: `email_${what}`,
      id: sg_event_id,
      time: timestamp,
      user_id: user === 'email' ? email : argument,
      properties: {
        ...plain(rest),
        recipient: event.email,
        message_id: sg_message_id,
        categories: category === undefined ? undefined : [].concat(category),
        url,
        reason,
        status,
        response,
        attempt: attempt === undefined ? undefined : Number(attempt),
        bounce_type: what === 'bounce' ? type : undefined,
        machine_open: sg_machine_open,
        asm_group: asm_group_id,
      },
      // of what is not opened or clicked, the address is that of SendGrid's own server
      context: { ip: useragent === undefined ? undefined : ip, user_agent: useragent },
    };
  });
}
