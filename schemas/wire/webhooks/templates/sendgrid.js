// Events of SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
// parameters.user: `email`, or the unique argument that holds your user's id; `user_id` unless given.
function transform(request, parameters) {
  return request.json.map((event) => ({
    name: `email_${event.event}`,
    id: event.sg_event_id,
    time: event.timestamp,
    user_id: parameters.user === 'email' ? event.email : event[parameters.user ?? 'user_id'],
    properties: {
      recipient: event.email,
      message_id: event.sg_message_id,
      categories: event.category === undefined ? undefined : [].concat(event.category),
      url: event.url,
      reason: event.reason,
      status: event.status,
      response: event.response,
      attempt: event.attempt === undefined ? undefined : Number(event.attempt),
      bounce_type: event.event === 'bounce' ? event.type : undefined,
      machine_open: event.sg_machine_open,
      asm_group: event.asm_group_id,
    },
    context: { ip: event.ip, user_agent: event.useragent },
  }));
}
