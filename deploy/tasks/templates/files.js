// Files over HTTP or in a bucket, each row once however often they are fetched and whatever is
// interrupted; a file that grew, and new ones below a prefix, are gone on with.
function run(task) {
  const p = task.parameters;
  const s3 = {region: p.region, endpoint: p.endpoint};
  for (const name of ['access_key_id', 'secret_access_key', 'session_token']) {
    if (secrets.has(name)) s3[name] = secrets.get(name);
  }
  const headers = {...p.headers};
  if (secrets.has('token')) headers.authorization = `Bearer ${secrets.get('token')}`;
  const done = files.import(p.from, {
    format: p.format, as: p.as, collection: p.collection, map: p.map, type: p.type, skip: p.skip,
    rate: p.rate, headers, s3,
  });
  if (!done.dry) log(`${done.rows} rows, ${done.rejected} set aside as dead letters`);
}
