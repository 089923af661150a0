/** What may be said of an event, of a user's or of a group's traits: any JSON object. */
export type Properties = Record<string, unknown>;

/** What is done to traits beside setting them. */
export interface Changes {
  set?: Properties;
  set_once?: Properties;
  increment?: Record<string, number>;
  append?: Properties;
  prepend?: Properties;
  union?: Properties;
  unset?: string[];
  clear?: boolean;
}

/** In the script tag each is a `data-` attribute: `data-cookie-domain=".shop.example"`. */
export interface Options {
  /** Write key of an event source. */
  key: string;
  /** Address of the ingest. The script takes the one it came from; elsewhere it must be given. */
  api?: string;
  /**
   * Whether visitors may be followed before they say so: `granted`; `pending` keeps events in
   * memory, and nothing on the device, until `consent(true)`; `denied` keeps nothing.
   */
  consent?: "granted" | "pending" | "denied";
  /** What Do Not Track and Global Privacy Control mean: `respect` sends nothing. */
  signals?: "respect" | "cookieless" | "ignore";
  /** Keep nothing on the device; a visitor is one for a day, known by address and browser. */
  cookieless?: boolean;
  /** Keep ids in cookies of this domain, too, so that its subdomains share them. */
  cookieDomain?: string;
  /** Send from robots and automated browsers, too. */
  bots?: boolean;
  /** Page views by themselves, with navigation by the History API. */
  pages?: boolean;
  /** Clicks on links, buttons and what has `data-hr-event`. */
  clicks?: boolean;
  /** Submitted forms, without what was filled in. */
  forms?: boolean;
  /** Visible time and furthest scroll of each page. */
  engagement?: boolean;
  /** Another fragment is another page, for sites that route by it. */
  hash?: boolean;
  /** Minutes of inactivity that end a session: 30. */
  sessionMinutes?: number;
  /** Events that are kept while they cannot be sent, the newest: 500. */
  queueSize?: number;
}

export interface Tracker {
  /** Something happened. */
  track(name: string, properties?: Properties): void;
  /** A page was viewed; needed only where `pages` is false. */
  page(name?: string, properties?: Properties): void;
  /** The visitor is this user, from now on and on this device. */
  identify(userId: string, traits?: Properties, changes?: Changes): void;
  /** The user belongs to this group, from now on and on this device. */
  group(groupId: string, traits?: Properties): void;
  /** The user was known by another id before: `previousId`, else the one of this device. */
  alias(userId: string, previousId?: string): void;
  /** Nobody is known any more, as after signing out: another visitor begins. */
  reset(): void;
  /** Note what the visitor decided; `false` forgets everything that is kept on the device. */
  consent(granted: boolean): void;
  /** Send what is waiting now. */
  flush(): void;
  /** The visitor's id, "" where there is none. */
  anonymousId(): string;
}

/** What the script leaves at `window.headrace`; before it has loaded, an array that it works off. */
export interface Page extends Tracker {
  push(...calls: [method: keyof Tracker, ...args: unknown[]][]): void;
}

/** Start a tracker; outside of a browser it does nothing. */
export function create(options: Options): Tracker;
