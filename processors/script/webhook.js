;
// Put behind the script of a webhook, whose lines keep their numbers. Clock and chance are the
// request's own, so that a replay gives the same events.
function headraceWebhook({request, parameters: written, long}) {
  const FIELDS = new Set(['type', 'name', 'id', 'user_id', 'anonymous_id', 'group_id', 'session_id',
    'previous_id', 'time', 'properties', 'traits', 'context', 'changes']);
  const now = request.received_at, System = Date;
  globalThis.Date = class Date extends System {
    constructor(...given) { if (given.length) super(...given); else super(now); }
    static now() { return now; }
  };
  let seed = parseInt(request.id.replace(/-/g, '').slice(-12), 16) >>> 0;
  Math.random = () => {
    seed = (seed + 0x6d2b79f5) >>> 0;
    let word = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  const parameters = parseJson(written);
  const label = String(request.headers['content-type'] ?? '').toLowerCase();
  try { request.json = (long ? parseJson : JSON.parse)(request.body); } catch { request.json = undefined; }
  if (label.startsWith('application/x-www-form-urlencoded')) request.form = parseForm(request.body);

  const fromRakam = ({collection, properties, ...others}) => {
    const {_id, _user, _device_id, _session_id, _time, _ip, _user_agent, ...rest} = properties ?? {};
    const context = {};
    if (typeof _ip === 'string') context.ip = _ip;
    if (typeof _user_agent === 'string') context.user_agent = _user_agent;
    return {...others, name: collection, id: _id, user_id: _user, anonymous_id: _device_id,
      session_id: _session_id, time: _time, context, properties: rest};
  };
  const checked = (event, at) => {
    if (event === null || typeof event !== 'object' || Array.isArray(event))
      throw new TypeError(`what the script gave as event ${at} is no object`);
    const made = 'collection' in event && !('name' in event) ? fromRakam(event) : {...event};
    for (const name of Object.keys(made)) {
      if (!FIELDS.has(name))
        throw new TypeError(`event ${at} has a field ${name}; there are: ${[...FIELDS].join(', ')}`);
      if (made[name] === undefined || made[name] === null) delete made[name];
    }
    return made;
  };
  const events = (given) =>
    (Array.isArray(given) ? given : [given]).filter((event) => event !== null && event !== undefined)
      .map(checked);
  let given;
  if (typeof transform === 'function') given = transform(request, parameters);
  else if (typeof module === 'function') {
    const several = {};
    for (const [name, value] of Object.entries(request.query)) several[name] = [].concat(value);
    given = module(several, request.body, parameters, request.headers);
  } else throw new TypeError('the script has no function transform(request, parameters)');
  return given !== null && typeof given === 'object' && typeof given.then === 'function'
    ? given.then(events) : events(given);
}
// What scripts of Rakam's webhooks call.
globalThis.util = {
  request: {
    parseFormData: (text) => {
      const form = parseForm(text);
      for (const name of Object.keys(form)) form[name] = [].concat(form[name]);
      return form;
    },
  },
  crypt: {
    encryptToHex: (text, key, name) => crypto.hmac(name.toLowerCase().replace('hmac', ''), key, text),
    encryptToBase64: (text, key, name) =>
      crypto.hmac(name.toLowerCase().replace('hmac', ''), key, text, 'base64'),
    sha1: (text) => crypto.hash('sha1', text),
  },
};
globalThis.logger = console;
