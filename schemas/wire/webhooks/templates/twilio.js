// Messages, calls and recordings of Twilio: https://www.twilio.com/docs/usage/webhooks. The text of a
// message stays out unless parameters.text is true. What is empty is not there.

const word = (value) => String(value).replace(/\W/g, '_');
const number = (text) => (text === undefined ? undefined : Number(text));
const address = (text) => text?.replace(/^[a-z]+:(?=\+)/, '');

function fieldsOf(request) {
  const given = request.form ?? request.query;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

function ofRecording(form) {
  return {
    name: `recording_${word(form.RecordingStatus)}`,
    id: `${form.RecordingSid} ${form.RecordingStatus}`,
    properties: {
      recording: form.RecordingSid, call: form.CallSid, account: form.AccountSid,
      source: form.RecordingSource, url: form.RecordingUrl, seconds: number(form.RecordingDuration),
    },
  };
}

function ofCall(form) {
  const { CallSid, CallStatus, SequenceNumber } = form;
  return {
    name: `call_${word(CallStatus ?? 'received')}`,
    // a call under way asks several times: only its changes of status have a number of their own
    id: SequenceNumber === undefined ? undefined : `${CallSid} ${CallStatus} ${SequenceNumber}`,
    time: form.Timestamp ? new Date(form.Timestamp) : undefined,
    user_id: address(form.Direction?.startsWith('outbound') ? form.To : form.From),
    properties: {
      call: CallSid, account: form.AccountSid, from: address(form.From), to: address(form.To),
      direction: form.Direction, seconds: number(form.CallDuration), country: form.FromCountry,
    },
  };
}

function transform(request, parameters) {
  const form = fieldsOf(request);
  if (form.RecordingSid && form.RecordingStatus) return ofRecording(form);
  if (form.CallSid) return ofCall(form);
  const sid = form.MessageSid ?? form.SmsSid, status = form.MessageStatus ?? form.SmsStatus ?? 'received';
  if (!sid) return null;
  return {
    name: `message_${word(status)}`,
    id: `${sid} ${status}`,
    user_id: address(status === 'received' ? form.From : form.To),
    properties: {
      message: sid, account: form.AccountSid, from: address(form.From), to: address(form.To),
      channel: /^[a-z]+(?=:\+)/.exec(form.From ?? '')?.[0] ?? 'sms',
      text: parameters.text === true ? form.Body : undefined, characters: form.Body?.length,
      media: number(form.NumMedia), segments: number(form.NumSegments),
      error: form.ErrorCode === '0' ? undefined : form.ErrorCode, country: form.FromCountry,
    },
  };
}
