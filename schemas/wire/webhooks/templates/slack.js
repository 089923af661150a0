// Slack: https://docs.slack.dev/apis/events-api, slash commands, and what people do with buttons and
// forms (interactivity). Texts stay out unless parameters.text is true.

const idOf = (value) => (typeof value === 'string' ? value : value?.id);

function ofCommand(form, text) {
  return {
    name: 'slack_command',
    id: form.trigger_id,
    user_id: form.user_id,
    properties: {
      command: form.command, text: text(form.text), team: form.team_id, app: form.api_app_id,
      channel: form.channel_id, user_name: form.user_name,
    },
  };
}

function ofInteraction(told) {
  return {
    name: `slack_${told.type}`,
    id: told.trigger_id,
    user_id: idOf(told.user),
    properties: {
      team: told.team?.id ?? told.user?.team_id,
      app: told.api_app_id,
      channel: told.channel?.id,
      callback: told.callback_id || told.view?.callback_id || undefined,
      actions: told.actions?.map((each) => each.action_id ?? each.name),
    },
  };
}

function transform(request, parameters) {
  const text = (value) => (parameters.text === true ? value : undefined);
  const form = request.form;
  if (form?.payload) return ofInteraction(parseJson(form.payload));
  if (form?.command) return ofCommand(form, text);
  const told = request.json, event = told?.event;
  if (told?.type !== 'event_callback' || !event) return null;
  const item = event.item ?? {}, message = event.message ?? event.previous_message ?? event;
  return {
    name: `slack_${event.type}`,
    id: told.event_id,
    time: told.event_time,
    user_id: idOf(event.user) ?? idOf(message.user),
    properties: {
      team: told.team_id,
      app: told.api_app_id,
      channel: idOf(event.channel) ?? item.channel,
      channel_type: event.channel_type,
      subtype: event.subtype,
      text: text(message.text),
      characters: message.text?.length,
      files: event.files?.length,
      reaction: event.reaction,
      thread: message.thread_ts,
      bot: message.bot_id,
    },
  };
}
