// Calls that Segment forwards: https://segment.com/docs/connections/destinations/catalog/webhooks
function transform(request) {
  const calls = request.json?.batch ?? [request.json];
  return calls.map((call) => {
    if (!call?.type) return null;
    const { page, campaign, locale, timezone, userAgent, ip, library, screen } = call.context ?? {};
    return {
      type: call.type,
      name: call.event ?? call.name,
      id: call.messageId,
      time: call.timestamp ?? call.originalTimestamp,
      user_id: call.userId,
      anonymous_id: call.anonymousId,
      group_id: call.groupId,
      previous_id: call.previousId,
      properties: call.properties,
      traits: call.traits,
      context: { page, campaign, locale, timezone, user_agent: userAgent, ip, library, screen },
    };
  });
}
