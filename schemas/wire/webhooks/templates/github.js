// Events of GitHub: https://docs.github.com/webhooks/webhook-events-and-payloads
function transform(request) {
  const kind = request.headers['x-github-event'], payload = request.json ?? parseJson(request.form.payload);
  if (kind === 'ping') return null;
  const named = payload[kind], pull = payload.pull_request;
  const subject = (named !== null && typeof named === 'object' ? named : undefined) ??
    pull ?? payload.issue ?? payload.release ?? payload.discussion ?? payload.alert ?? payload.forkee ?? {};
  const said = payload.comment ?? payload.review;
  return {
    name: `github_${kind}`,
    id: request.headers['x-github-delivery'],
    user_id: payload.sender?.login,
    properties: {
      action: payload.action,
      repository: payload.repository?.full_name,
      organization: payload.organization?.login,
      ref: payload.ref,
      ref_type: payload.ref_type,
      branch: subject.head_branch ?? pull?.head?.ref,
      base: pull?.base?.ref,
      commits: payload.commits?.length,
      created: payload.created,
      deleted: payload.deleted,
      forced: payload.forced,
      number: subject.number,
      title: subject.title ?? subject.name ?? undefined,
      tag: subject.tag_name,
      state: subject.state ?? (typeof payload.state === 'string' ? payload.state : undefined),
      status: subject.status,
      conclusion: subject.conclusion ?? undefined,
      environment: subject.environment,
      review: payload.review?.state,
      merged: pull?.merged,
      label: payload.label?.name,
      url: said?.html_url ?? subject.html_url ?? payload.compare,
    },
  };
}
