// Stands before every script of a task, on one line, so that its own lines keep their numbers.
const http = (() => {
  const ask = (options) => {
    const answer = $http(options);
    Object.defineProperty(answer, 'ok', {get: () => answer.status >= 200 && answer.status < 300});
    Object.defineProperty(answer, 'json', {value: () => parseJson(answer.body)});
    return answer;
  };
  return Object.freeze({
    request: ask,
    get: (url, options) => ask({...options, method: 'GET', url}),
    post: (url, body, options) => ask({...options, method: 'POST', url, body}),
  });
})();
const state = Object.freeze({
  get: (key) => $get(String(key)) ?? undefined,
  set: (key, value) => { $set(String(key), value ?? null); },
  delete: (key) => { $set(String(key), null); },
  save: () => { $save(); },
});
const secrets = Object.freeze({
  get: (name) => $secret(String(name)),
  has: (name) => $known(String(name)),
});
const csv = Object.freeze({parse: (text, options) => $csv(String(text), options ?? {})});
const emit = (events) => $emit(Array.isArray(events) ? events : [events]);
const files = Object.freeze({import: (from, options) => $import({...options, from})});
const log = (...values) => {
  $log(values.map((each) => (typeof each === 'string' ? each : JSON.stringify(each) ?? String(each))).join(' '));
};
globalThis.console = Object.freeze({log, info: log, warn: log, error: log, debug: log});
