// Events on their way: kept until they are known to be safe, sent in batches, never lost in between.
//
// An event has its id before it is sent for the first time, so one that is sent twice is stored
// once; therefore whatever is in doubt is sent again. Each event is an entry of its own, as two
// tabs that rewrote one list would lose each other's.

import { listen, now } from "./browser";
import { Store } from "./store";

export interface Queue {
  add(id: string, event: object): void;
  /** Send what waits; `leaving` also what a request is under way for, if it fits. */
  flush(leaving?: boolean): void;
  clear(): void;
}

const START = "queue.";
const LINGER = 500;
const MOST = 50;
/** Browsers let 64 KiB be under way when a page ends, of all its requests together. */
const BYTES = 30000;
const LONGEST_WAIT = 300000;

const size = (text: string) => new Blob([text]).size;

export const queue = (store: Store, url: string, head: () => object, most: number): Queue => {
  const sent = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let batch = MOST;
  let failures = 0;
  let until = 0;
  let stopped = false;

  const later = (wait: number) => {
    timer ||= setTimeout(() => {
      timer = undefined;
      flush();
    }, wait);
  };

  const answered = (names: string[], status: number, retryAfter?: string | null) => {
    names.forEach((name) => sent.delete(name));
    if (status == 413 && names.length > 1) {
      batch = names.length >> 1;
    } else if (status == 401 || status == 403 || status == 404 || status == 410) {
      stopped = true; // nobody wants them now; another page load may find the key mended
      return;
    } else if (status >= 200 && status < 500 && status != 408 && status != 429) {
      names.forEach(store.remove); // they are safe, or they will never be
      batch = MOST;
      failures = 0;
    } else {
      const wait = Math.min(1000 * 2 ** failures++, LONGEST_WAIT) * (0.5 + Math.random() / 2);
      until = now() + Math.max(wait, (Number(retryAfter) || 0) * 1000);
    }
    if (store.names(START).length) later(Math.max(until - now(), 0));
  };

  const flush = (leaving?: boolean) => {
    if (stopped || (sent.size && !leaving)) return;
    if (navigator.onLine === false) return; // "online" comes when it is time
    if (now() < until) return later(until - now());
    const names: string[] = [];
    const events: string[] = [];
    let room = BYTES;
    for (const name of store.names(START)) {
      if (sent.has(name)) continue;
      const event = store.get(name);
      room -= size(event);
      if (names.length && (room < 0 || names.length >= batch)) break;
      names.push(name);
      events.push(event);
    }
    if (!names.length) return;
    const body = JSON.stringify({ ...head(), sent_at: now() }).slice(0, -1) + `,"events":[${events}]}`;
    if (leaving && !("keepalive" in Request.prototype)) {
      navigator.sendBeacon(url, body); // no answer: what is not known to be safe is sent again
      return;
    }
    names.forEach((name) => sent.add(name));
    // text/plain and no cookies: a simple request, before which no browser asks
    fetch(url, { method: "POST", body, keepalive: size(body) < BYTES * 2, credentials: "omit" }).then(
      (response) => answered(names, response.status, response.headers.get("retry-after")),
      () => answered(names, 0),
    );
  };

  listen(window, "online", () => {
    until = 0;
    flush();
  });
  listen(window, "pageshow", (event: PageTransitionEvent) => {
    // back from the cache: answers of before may never come
    if (event.persisted) sent.clear();
    later(LINGER);
  });
  later(LINGER); // for what an earlier page left behind

  return {
    add: (id, event) => {
      let text;
      try {
        text = JSON.stringify(event);
        if (size(text) > BYTES) throw "it has more than 30 kB";
      } catch (reason) {
        return console.warn("headrace: an event is not sent:", reason); // the page goes on
      }
      const names = store.names(START);
      names.slice(0, Math.max(0, names.length - most + 1)).forEach(store.remove);
      store.set(START + id, text);
      later(LINGER);
    },
    flush,
    clear: () => store.names(START).forEach(store.remove),
  };
};
