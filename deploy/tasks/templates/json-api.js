// Items of a JSON API that pages by a cursor. The cursor is kept after the items before it are
// safe, page by page, so that a run that is broken off goes on where it was.
function run(task) {
  const p = task.parameters;
  const headers = {accept: 'application/json', ...p.headers};
  if (secrets.has('token')) headers.authorization = `Bearer ${secrets.get('token')}`;
  const name = p.cursor || 'cursor';
  let cursor = state.get('cursor');
  let url = p.url;
  for (let page = 0; page < (p.pages || 100); page++) {
    const query = {...(url === p.url ? p.query : {})};
    if (cursor !== undefined && url === p.url) query[name] = cursor;
    const answer = http.get(url, {headers, query});
    if (answer.status === 429) return log(`too many requests: going on in the next run`);
    if (!answer.ok)
      throw new Error(`${answer.url} answers ${answer.status}: ${answer.body.slice(0, 200)}`);
    const value = answer.json();
    const items = at(value, p.items) ?? [];
    if (!Array.isArray(items)) throw new Error(`${p.items || 'the answer'} is no list`);
    for (let from = 0; from < items.length; from += 1000)
      emit(items.slice(from, from + 1000).map((item) => eventOf(item, p)));
    log(`page ${page + 1}: ${items.length} items`);
    const next = p.next ? at(value, p.next) : undefined;
    const last = items.length && p.cursor_field ? at(items.at(-1), p.cursor_field) : undefined;
    if (typeof next === 'string' && /^https?:/.test(next)) {
      if (origin(next) !== origin(p.url)) throw new Error(`the next page is elsewhere: ${origin(next)}`);
      url = next;
      continue;
    }
    const onward = next ?? last;
    if (onward === undefined || onward === null || onward === '' || onward === cursor) return;
    cursor = onward;
    url = p.url;
    state.set('cursor', cursor);
    state.save();
    if (!items.length) return;
  }
}

function eventOf(item, p) {
  const own = p.id ? at(item, p.id) : crypto.hash('sha256', JSON.stringify(item));
  if (own === undefined || own === null)
    throw new Error(`an item has no ${p.id}: ${JSON.stringify(item).slice(0, 200)}`);
  const properties = item !== null && typeof item === 'object' ? item : {value: item};
  const event = {name: p.collection, id: `${p.collection}:${own}`, properties};
  if (p.time) event.time = at(item, p.time);
  if (p.user) event.user_id = at(item, p.user);
  return event;
}

function origin(address) {
  return /^https?:\/\/[^/?#]*/.exec(address)?.[0];
}

function at(value, path) {
  if (!path) return value;
  return path.split('.').reduce((found, name) => found?.[name], value);
}
