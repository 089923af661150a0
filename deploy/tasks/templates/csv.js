// Rows of a CSV file over HTTP. A row has the same id whenever it is read, so it is stored once;
// a file that says that it has not changed is not read again.
function run(task) {
  const p = task.parameters;
  const headers = {...p.headers};
  if (secrets.has('token')) headers.authorization = `Bearer ${secrets.get('token')}`;
  const tag = state.get('etag');
  if (tag && state.get('url') === p.url) headers['if-none-match'] = tag;
  const answer = http.get(p.url, {headers});
  if (answer.status === 304) return log('the file has not changed');
  if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}: ${answer.body.slice(0, 200)}`);
  const rows = csv.parse(answer.body, {delimiter: p.delimiter || ','});
  log(`${rows.length} rows`);
  const events = rows.map((row) => eventOf(row, p));
  for (let at = 0; at < events.length; at += 1000) emit(events.slice(at, at + 1000));
  state.set('url', p.url);
  state.set('etag', answer.headers.etag);
}

function eventOf(row, p) {
  const own = p.id ? row[p.id] : crypto.hash('sha256', JSON.stringify(row));
  if (!own) throw new Error(`a row has no ${p.id}: ${JSON.stringify(row).slice(0, 200)}`);
  const properties = {...row};
  for (const name of p.numbers ?? []) {
    const number = Number(properties[name]);
    properties[name] = properties[name] === '' || Number.isNaN(number) ? null : number;
  }
  const event = {name: p.collection, id: `${p.collection}:${own}`, properties};
  if (p.time) event.time = row[p.time];
  if (p.user) event.user_id = row[p.user];
  return event;
}
