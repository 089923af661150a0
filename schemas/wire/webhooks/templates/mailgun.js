// Events of Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks
// parameters.user: `email`, or the user variable that holds your user's id; `user_id` unless given.
function transform(request, parameters) {
  const event = request.json?.['event-data'];
  if (!event) return null;
  const variables = event['user-variables'] ?? {}, client = event['client-info'] ?? {};
  const status = event['delivery-status'] ?? {}, list = event['mailing-list'] ?? {};
  return {
    name: `email_${event.event}`,
    id: event.id,
    time: event.timestamp,
    user_id: parameters.user === 'email' ? event.recipient : variables[parameters.user ?? 'user_id'],
    properties: {
      recipient: event.recipient,
      domain: event['recipient-domain'],
      subject: event.message?.headers?.subject,
      message_id: event.message?.headers?.['message-id'],
      tags: event.tags ?? undefined,
      variables: Object.keys(variables).length ? variables : undefined,
      campaign: event.campaigns?.[0]?.name,
      list: list.address ?? list['list-id'],
      url: event.url,
      severity: event.severity,
      reason: event.reason ?? event.reject?.reason,
      status_code: status.code,
      status_message: status.message || status.description || event.reject?.description || undefined,
      attempt: status['attempt-no'],
      client: client['client-name'],
      client_type: client['client-type'],
    },
    context: { ip: event.ip, user_agent: client['user-agent'] },
  };
}
