// What a page does by itself: views, time, scrolling, clicks, forms.

import type { Options, Properties } from "../index";
import { listen, now } from "./browser";
import { address } from "./visit";

export interface Hooks {
  /** Another page begins, with a referrer; its view is told when its title is there. */
  enter(referrer: string): void;
  track(name: string, properties: Properties): void;
  /** The page may never run again. */
  leave(): void;
}

/** Tell what was seen of the page; `fresh`: another begins, `gone`: nobody sees it any more. */
type Report = (fresh?: boolean, gone?: boolean) => void;

const FILE = /\.(pdf|zip|gz|tgz|rar|7z|dmg|exe|msi|pkg|deb|rpm|apk|iso|docx?|xlsx?|pptx?|csv|txt|rtf|key|epub|mp3|mp4|m4a|wav|avi|mov|mkv|wmv)$/i;
const CLICKED = "[data-hr-event],a[href],area[href],button,summary,[role=button],input[type=submit],input[type=button]";
const LEAST_MS = 500;

export const capture = (options: Options, hooks: Hooks): void => {
  const report = options.engagement === false ? () => {} : engagement(hooks);
  if (options.pages !== false) pages(options, hooks, report);
  if (options.clicks !== false) listen(document, "click auxclick", (event) => click(event, hooks), { capture: true });
  if (options.forms !== false) listen(document, "submit", (event) => submit(event.target, hooks), { capture: true });
  listen(document, "visibilitychange", () => {
    report();
    if (document.hidden) hooks.leave();
  });
  listen(window, "pagehide", () => {
    report(false, true);
    hooks.leave();
  });
};

/** Page views: the first, those of the History API, those that come back from the cache. */
const pages = ({ hash }: Options, { enter }: Hooks, report: Report) => {
  let at = address(hash);
  const moved = (same: (url: string) => string) => {
    const to = address(hash);
    if (same(to) == same(at)) return;
    const from = at;
    at = to;
    report(true);
    enter(from);
  };
  const whole = () => moved((url) => url);
  for (const [name, same] of [
    ["pushState", (url: string) => url],
    // routers write filters and the like into the query in passing
    ["replaceState", (url: string) => url.replace(/\?[^#]*/, "")],
  ] as const) {
    const original = history[name];
    history[name] = function (this: History, ...how: Parameters<History["pushState"]>) {
      original.apply(this, how);
      moved(same);
    };
  }
  listen(window, "popstate hashchange", whole);
  listen(window, "pageshow", (event: PageTransitionEvent) => {
    if (!event.persisted) return;
    at = address(hash);
    report(true);
    enter(document.referrer);
  });
  enter(document.referrer);
};

/** Visible time since it was last told, and how far down the page was seen. */
const engagement = ({ track }: Hooks): Report => {
  let since = 0;
  let visible = 0;
  let seen = 0;
  let told = 0;
  const look = () => {
    const { scrollHeight } = document.documentElement;
    seen = Math.max(seen, Math.min(100, Math.round((100 * (scrollY + innerHeight)) / (scrollHeight || 1))));
  };
  const count = (gone?: boolean) => {
    if (since) visible += now() - since;
    since = gone || document.hidden ? 0 : now();
  };
  listen(window, "scroll", look, { passive: true });
  count();
  return (fresh, gone) => {
    count(gone);
    if (!seen) look();
    if (visible >= LEAST_MS || seen > told) {
      track("engagement", { visible_ms: visible, scroll_percent: seen });
      visible = 0;
      told = seen;
    }
    if (fresh) visible = told = seen = 0;
  };
};

const click = (event: MouseEvent, { track }: Hooks) => {
  if (event.button > 1) return;
  const target = (event.composedPath()[0] || event.target) as Element;
  const found = target.closest?.(CLICKED) as HTMLElement & { href?: unknown; value?: string; name?: string };
  if (!found || found.closest("[data-hr-ignore]")) return;
  const properties: Properties = {
    tag: found.tagName.toLowerCase(),
    id: found.id || undefined,
    name: found.getAttribute("name") || undefined,
    text: found.closest("[data-hr-mask]")
      ? undefined
      : (found.innerText || found.getAttribute("aria-label") || found.value || "").trim().slice(0, 100) || undefined,
  };
  const link = found.closest("a[href],area[href]") as HTMLAnchorElement | null;
  let name = "click";
  if (link && typeof link.href == "string") {
    properties.url = link.href;
    const file = FILE.exec(link.pathname);
    if (link.hasAttribute("download") || file) {
      name = "download";
      properties.extension = file ? file[1]!.toLowerCase() : undefined;
    } else if (/^http/.test(link.protocol) && link.host != location.host) name = "outbound_link";
  }
  named(found, name, properties, track);
};

/** A form's values are nobody's business. */
const submit = (form: HTMLFormElement, { track }: Hooks) => {
  if (form.closest("[data-hr-ignore]")) return;
  const attribute = (name: string) => form.getAttribute(name) || undefined;
  const action = attribute("action")?.split(/[?#]/)[0];
  const method = (attribute("method") || "get").toLowerCase();
  named(form, "form_submit", { id: attribute("id"), name: attribute("name"), action, method }, track);
};

/** `data-hr-event` names the event, `data-hr-prop-…` are properties of it. */
const named = (found: HTMLElement, name: string, properties: Properties, track: Hooks["track"]) => {
  const { dataset } = found.closest("[data-hr-event]") as HTMLElement || found;
  for (const key in dataset) {
    const own = /^hrProp(.)(.*)/.exec(key);
    if (own) properties[own[1]!.toLowerCase() + own[2]] = dataset[key];
  }
  track(dataset.hrEvent || name, properties);
};
