// headrace.js as a script: its tag has the options, `window.headrace` is the tracker.

import type { Options, Page, Tracker } from "../index";
import { create } from "./tracker";

/** The snippet of Tracardi's pages, which loads its tracker from the same server. */
declare const options: { tracker?: { source?: { id: string }; url?: { api?: string } } } | undefined;

const script = document.currentScript as HTMLScriptElement | null;

/** `data-cookie-domain=".shop.example" data-cookieless data-session-minutes="10"` as options. */
const read = (): Options => {
  const found: any = { api: script ? new URL(script.src).origin : "" };
  for (const [name, text] of Object.entries(script?.dataset || {}))
    found[name] = text == "" || text == "true" ? true : text == "false" ? false : text;
  return found;
};

const start = () => {
  const given = read();
  const legacy = typeof options == "object" && options.tracker;
  if (!given.key && legacy && legacy.source) {
    given.key = legacy.source.id;
    given.api = legacy.url?.api || given.api;
    given.pages = given.clicks = given.forms = given.engagement = false; // such pages tell themselves
  }
  if (!given.key) return console.error("headrace: the script tag needs data-key, the write key of an event source");
  const tracker = create(given) as Page;
  const early = (window as any).headrace;
  tracker.push = (...calls) =>
    calls.forEach(([method, ...args]) => (tracker[method as keyof Tracker] as (...args: unknown[]) => void)(...args));
  (window as any).headrace = tracker;
  if (Array.isArray(early)) tracker.push(...early);
  if (legacy) {
    const state = { plugins: { tracardi: { initialized: true } } };
    (window as any).tracardi = { default: { track: tracker.track, getState: () => state } };
  }
};

if (!(window as any).headrace?.track) start();
