// Events of GitHub: https://docs.github.com/webhooks/webhook-events-and-payloads
function transform(request) {
  const kind = request.headers['x-github-event'], payload = request.json ?? JSON.parse(request.form.payload);
  if (kind === 'ping') return null;
  const subject = payload.pull_request ?? payload.issue ?? payload.release ?? payload.discussion ?? {};
  return {
    name: `github_${kind}`,
    id: request.headers['x-github-delivery'],
    user_id: payload.sender?.login,
    properties: {
      action: payload.action,
      repository: payload.repository?.full_name,
      organization: payload.organization?.login,
      ref: payload.ref,
      commits: payload.commits?.length,
      forced: payload.forced,
      number: subject.number,
      title: subject.title ?? subject.name,
      state: subject.state,
      url: subject.html_url ?? payload.compare,
      merged: payload.pull_request?.merged,
      label: payload.label?.name,
    },
  };
}
