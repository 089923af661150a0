// Who visits, in which session, and where from.

import { now, uuid } from "./browser";
import { Store } from "./store";

export interface Session {
  id: string;
  start: number;
  last: number;
  /** Frozen: where it began and where from. */
  entry: Entry;
}

export interface Entry {
  url: string;
  referrer: string;
  campaign: Record<string, string>;
}

const DAY = 86400000;
const LONGEST = 500;
const CAMPAIGN =
  /^(utm_\w+|[gw]?clid|gclsrc|gbraid|wbraid|dclid|gad_source|gad_campaignid|srsltid|msclkid|fbclid|igshid|ttclid|twclid|li_fat_id|yclid|rdt_cid|epik|sccid|ircl(ick)?id|qclid|_kx|mc_cid|mc_eid|s_kwcid|wickedid|vmcid)$/i;

/** The address without its fragment, which may hold tokens, unless pages are told apart by it. */
export const address = (hash?: boolean): string => (hash ? location.href : location.href.split("#")[0]!);

/** Campaign parameters and click ids of the address. */
export const campaign = (): Record<string, string> => {
  const found: Record<string, string> = {};
  new URLSearchParams(location.search).forEach((value, name) => {
    if (value && CAMPAIGN.test(name)) found[name.toLowerCase()] ??= value.slice(0, LONGEST);
  });
  return found;
};

/** The page's referrer; "" when it is a page of the same site. */
export const origin = (): string =>
  document.referrer.split("/")[2] == location.host ? "" : document.referrer;

/** The session that goes on, or another; two tabs have the same. */
export const session = (store: Store, minutes: number, hash?: boolean): Session => {
  const time = now();
  let found: Session | undefined;
  try {
    found = JSON.parse(store.get("session"));
  } catch {
    // none yet, or nothing that can be read
  }
  if (!found || time - found.last > minutes * 60000 || time - found.start > DAY) {
    const entry = {
      url: address(hash).slice(0, LONGEST),
      referrer: origin().slice(0, LONGEST),
      campaign: campaign(),
    };
    found = { id: uuid(), start: time, last: time, entry };
  }
  found.last = time;
  store.set("session", JSON.stringify(found));
  return found;
};

/** What a visitor's first page tells for good. */
export const firstTouch = (): Record<string, string> => {
  const found: Record<string, string> = { url: address(), referrer: origin(), ...campaign() };
  return Object.fromEntries(
    Object.entries(found)
      .filter(([, value]) => value)
      .map(([name, value]) => ["initial_" + name, value]),
  );
};
