// Slack: https://docs.slack.dev/apis/events-api, and slash commands. Texts stay out unless
// parameters.text is true.
function transform(request, parameters) {
  const text = (value) => (parameters.text === true ? value : undefined);
  const form = request.form;
  if (form?.command) {
    return {
      name: 'slack_command',
      user_id: form.user_id,
      properties: {
        command: form.command, text: text(form.text), team: form.team_id,
        channel: form.channel_id, user_name: form.user_name,
      },
    };
  }
  const told = request.json, event = told?.event;
  if (told?.type !== 'event_callback' || !event) return null;
  const item = event.item ?? {};
  return {
    name: `slack_${event.type}`,
    id: told.event_id,
    time: told.event_time,
    user_id: typeof event.user === 'string' ? event.user : event.user?.id,
    properties: {
      team: told.team_id,
      app: told.api_app_id,
      channel: typeof event.channel === 'string' ? event.channel : item.channel ?? event.channel?.id,
      channel_type: event.channel_type,
      subtype: event.subtype,
      text: text(event.text),
      characters: event.text?.length,
      reaction: event.reaction,
      thread: event.thread_ts,
      bot: event.bot_id,
    },
  };
}
