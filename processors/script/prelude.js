// Evaluated before each script; what it gives back drives the call. See sandboxed.py.
(function (host, names, most, longest, cryptoSource) {
  const {parse, stringify} = JSON, said = [], text = String, evaluate = eval;
  const show = (value) => {
    if (typeof value === 'string') return value;
    try { return stringify(value) ?? text(value); } catch { return '[object]'; }
  };
  const say = (...values) => {
    if (said.length < most) said.push(values.map(show).join(' ').slice(0, longest));
  };
  const ask = (name) => (...values) => {
    const answer = parse(host(name, stringify(values)));
    if ('error' in answer) throw new Error(answer.error);
    return parse(answer.ok);
  };
  globalThis.console = {log: say, info: say, warn: say, error: say, debug: say};
  for (const name of names) globalThis[name] = ask(name);
  const define = (value) =>
    Object.defineProperty(globalThis, 'crypto', {value, configurable: true, writable: true});
  Object.defineProperty(globalThis, 'crypto', {
    // to evaluate it costs as much as the rest of a call, and few need it
    get: () => { define(evaluate(cryptoSource)); return globalThis.crypto; },
    set: define,
    configurable: true,
  });
  const long = /[0-9]{16}/, whole = /^-?[0-9]+$/;
  const exact = (key, value, {source}) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && whole.test(source) ? source : value;
  // to look at every value again takes three times as long as to parse
  const exactly = (given) => (long.test(given) ? parse(given, exact) : parse(given));
  globalThis.parseJson = (given) => exactly(text(given));
  globalThis.parseForm = (value) => {
    const form = {}, word = (part) => {
      try { return decodeURIComponent(part.replace(/\+/g, ' ')); } catch { return part; }
    };
    for (const pair of text(value ?? '').split('&')) {
      if (!pair) continue;
      const at = pair.indexOf('='), name = word(at < 0 ? pair : pair.slice(0, at));
      const given = at < 0 ? '' : word(pair.slice(at + 1));
      const known = Object.hasOwn(form, name) ? form[name] : undefined;
      const all = known === undefined ? given : [].concat(known, given);
      Object.defineProperty(
        form, name, {value: all, enumerable: true, writable: true, configurable: true});
    }
    return form;
  };
  let state = 'waiting', result;
  const settle = (value) => { result = stringify(value) ?? 'null'; state = 'done'; };
  const fail = (error) => { result = error; state = 'failed'; };
  const steps = {
    begin(called, argument) {
      const value = called(names.length ? exactly(argument) : parse(argument));
      if (value !== null && typeof value === 'object' && typeof value.then === 'function')
        Promise.resolve(value).then(settle).catch(fail);
      else settle(value);
    },
    state: () => state,
    result: () => { if (state === 'failed') throw result; return result; },
    said: () => stringify(said),
  };
  return (step, ...values) => steps[step](...values);
})
