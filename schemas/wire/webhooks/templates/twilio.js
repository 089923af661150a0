// Messages and calls of Twilio: https://www.twilio.com/docs/usage/webhooks. The text of a message
// stays out unless parameters.text is true.
function transform(request, parameters) {
  const form = request.form ?? parseForm(Object.entries(request.query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&'));
  const number = (text) => (text === undefined ? undefined : Number(text));
  if (form.CallSid) {
    return {
      name: `call_${(form.CallStatus ?? 'received').replace(/\W/g, '_')}`,
      id: `${form.CallSid} ${form.CallStatus ?? ''} ${form.SequenceNumber ?? ''}`,
      time: form.Timestamp ? new Date(form.Timestamp) : undefined,
      user_id: form.Direction?.startsWith('outbound') ? form.To : form.From,
      properties: {
        call: form.CallSid, account: form.AccountSid, from: form.From, to: form.To,
        direction: form.Direction, seconds: number(form.CallDuration), country: form.FromCountry,
      },
    };
  }
  const sid = form.MessageSid ?? form.SmsSid, status = form.MessageStatus ?? form.SmsStatus ?? 'received';
  if (!sid) return null;
  return {
    name: `message_${status.replace(/\W/g, '_')}`,
    id: `${sid} ${status}`,
    user_id: status === 'received' ? form.From : form.To,
    properties: {
      message: sid, account: form.AccountSid, from: form.From, to: form.To,
      text: parameters.text === true ? form.Body : undefined, characters: form.Body?.length,
      media: number(form.NumMedia), segments: number(form.NumSegments),
      error: form.ErrorCode, country: form.FromCountry,
    },
  };
}
