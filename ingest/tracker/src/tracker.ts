// The tracker: what is called, who is known, and whether anything may be sent at all.

import type { Changes, create as declared, Properties, Tracker } from "../index";
import { asksForPrivacy, isRobot, listen, now, uuid } from "./browser";
import { capture } from "./capture";
import { queue } from "./queue";
import { open } from "./store";
import { address, firstTouch, session } from "./visit";

declare const VERSION: string;

const MOST_HELD = 100;
const TITLE_MS = 50;

export const create: typeof declared = (options) => {
  const nothing = () => {};
  if (typeof document == "undefined" || (!options.bots && isRobot()))
    return {
      track: nothing,
      page: nothing,
      identify: nothing,
      group: nothing,
      alias: nothing,
      reset: nothing,
      consent: nothing,
      flush: nothing,
      anonymousId: () => "",
    };

  const signal = options.signals != "ignore" && asksForPrivacy();
  const cookieless = options.cookieless || (signal && options.signals == "cookieless");
  const prefix = `hr_${options.key.replace(/\W/g, "").slice(-8)}_`;
  const store = open(prefix, options.cookieDomain, !cookieless);
  let state = store.get("consent") || (signal && !cookieless ? "denied" : options.consent || "granted");
  let held: [Properties, number][] = [];
  let page: Properties = {};
  let owed: (() => void) | undefined;

  const waiting = queue(
    store,
    (options.api || "").replace(/\/$/, "") + "/v1/events",
    () => ({
      write_key: options.key,
      cookieless: cookieless || undefined,
      context: {
        library: { name: "headrace.js", version: VERSION },
        locale: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        screen: { width: screen.width, height: screen.height },
        viewport: { width: innerWidth, height: innerHeight },
      },
    }),
    options.queueSize || 500,
  );

  /** Give an event its visitor and its id, and let it go. */
  const release = (event: any, time: number) => {
    event.id = uuid();
    event.time = time;
    event.user_id ||= store.get("user") || undefined;
    event.group_id ||= store.get("group") || undefined;
    if (!cookieless) {
      event.anonymous_id = store.get("id");
      if (!event.anonymous_id) {
        store.set("id", (event.anonymous_id = uuid()));
        // kept by the profile, whoever the visitor turns out to be
        event.changes = { set_once: firstTouch(), ...event.changes };
      }
      const { id, entry } = session(store, options.sessionMinutes || 30, options.hash);
      event.session_id = id;
      event.context.session = entry;
    }
    waiting.add(event.id, event);
  };

  const emit = (event: Properties, time = now()) => {
    event.context = { page: { ...page, title: document.title } };
    if (state == "granted") release(event, time);
    else if (state == "pending" && held.length < MOST_HELD) held.push([event, time]);
  };

  /** Tell of a page that was entered a moment ago, before anything else happens on it. */
  const settle = () => {
    const tell = owed;
    owed = undefined;
    tell?.();
  };

  const say = (event: Properties) => {
    settle();
    emit(event);
  };

  const enter = (referrer: string) => {
    settle();
    page = { id: uuid(), url: address(options.hash), referrer };
    const time = now();
    owed = () => emit({ type: "page" }, time);
    setTimeout(settle, TITLE_MS);
  };

  const forget = (...names: string[]) => names.forEach(store.remove);

  const tracker: Tracker = {
    track: (name, properties) => say({ name, properties }),
    page: (name, properties) => {
      if (options.pages === false) page = { id: uuid(), url: address(options.hash), referrer: document.referrer };
      say({ type: "page", name, properties });
    },
    identify: (userId, traits, changes?: Changes) => {
      if (state == "granted") store.set("user", "" + userId);
      say({ type: "identify", user_id: "" + userId, traits, changes });
    },
    group: (groupId, traits) => {
      if (state == "granted") store.set("group", "" + groupId);
      say({ type: "group", group_id: "" + groupId, traits });
    },
    alias: (userId, previousId) => say({ type: "alias", user_id: "" + userId, previous_id: previousId || store.get("user") || store.get("id") }),
    reset: () => {
      settle();
      forget("user", "group", "session");
      if (!cookieless && state == "granted") store.set("id", uuid());
    },
    consent: (granted) => {
      state = granted ? "granted" : "denied";
      if (!granted) {
        waiting.clear();
        forget("id", "user", "group", "session");
      }
      store.set("consent", state);
      if (granted) {
        settle();
        held.forEach(([event, time]) => {
          if (event.type == "identify") store.set("user", event.user_id as string);
          if (event.type == "group") store.set("group", event.group_id as string);
          release(event, time);
        });
      }
      held = [];
    },
    flush: () => {
      settle();
      waiting.flush();
    },
    anonymousId: () => (state == "granted" ? store.get("id") : ""),
  };

  const start = () =>
    capture(options, {
      enter,
      track: tracker.track,
      leave: () => {
        settle();
        waiting.flush(true);
      },
    });
  page = { id: uuid(), url: address(options.hash), referrer: document.referrer };
  if ((document as any).prerendering) listen(document, "prerenderingchange", start, { once: true });
  else start();
  return tracker;
};
