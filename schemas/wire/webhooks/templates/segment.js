// Calls that Segment forwards: https://segment.com/docs/connections/destinations/catalog/webhooks,
// one by one, or as a list where the destination sends batches.
function transform(request) {
  const calls = [].concat(request.json?.batch ?? request.json);
  return calls.map((call) => {
    if (!call?.type) return null;
    const { userAgent, campaign, traits, groupId, ...context } = call.context ?? {};
    const { source, medium, name, term, content } = campaign ?? {};
    const paged = call.type === 'page' || call.type === 'screen';
    return {
      type: call.type,
      name: call.event ?? call.name,
      id: call.messageId,
      time: call.timestamp ?? call.originalTimestamp,
      user_id: call.userId,
      anonymous_id: call.anonymousId,
      group_id: call.groupId ?? groupId,
      previous_id: call.previousId,
      properties: paged && call.category ? { category: call.category, ...call.properties } : call.properties,
      // some libraries put who is identified beside what it was done with
      traits: call.type === 'identify' && !Object.keys(call.traits ?? {}).length ? traits : call.traits,
      context: {
        ...context,
        user_agent: userAgent,
        campaign: campaign && {
          utm_source: source, utm_medium: medium, utm_campaign: name, utm_term: term, utm_content: content,
        },
      },
    };
  });
}
