// Responses of Typeform: https://www.typeform.com/developers/webhooks/example-payload
// parameters.user: hidden field that holds your user's id; `user_id` unless given.
function transform(request, parameters) {
  const told = request.json, form = told?.form_response;
  if (told?.event_type !== 'form_response' || !form) return null;
  const titles = new Map((form.definition?.fields ?? []).map((field) => [field.id, field.title]));
  const value = (answer) => {
    const given = answer[answer.type];
    if (answer.type === 'choice') return given.label ?? given.other;
    if (answer.type === 'choices') return [...(given.labels ?? []), ...(given.other ? [given.other] : [])];
    if (answer.type === 'payment') return given.amount;
    return given;
  };
  const answers = {}, questions = {};
  for (const answer of form.answers ?? []) {
    const { id, ref } = answer.field, name = ref === undefined || Object.hasOwn(answers, ref) ? id : ref;
    answers[name] = value(answer);
    questions[name] = titles.get(answer.field.id);
  }
  const taken = new Date(form.submitted_at) - new Date(form.landed_at);
  return {
    name: 'form_submitted',
    id: form.token,
    time: form.submitted_at,
    user_id: form.hidden?.[parameters.user ?? 'user_id'],
    properties: {
      form: form.form_id,
      title: form.definition?.title,
      seconds: Number.isNaN(taken) ? undefined : Math.round(taken / 1000),
      score: form.calculated?.score,
      answers,
      questions,
      hidden: form.hidden,
      variables: form.variables &&
        Object.fromEntries(form.variables.map((each) => [each.key, each[each.type]])),
      ending: form.ending?.ref ?? form.ending?.id,
    },
  };
}
