// What is kept on the device, wherever the browser lets it be kept.

export interface Store {
  get(name: string): string;
  set(name: string, value: string): void;
  remove(name: string): void;
  /** All names that begin so, sorted. */
  names(start: string): string[];
}

const YEAR = 31536000;

/**
 * Local storage, and memory for what that refuses; short values also in a cookie, where they are
 * to be shared with other hosts or where there is no storage.
 */
export const open = (prefix: string, domain: string | undefined, persistent: boolean): Store => {
  const memory = new Map<string, string>();
  /** Storage throws when it is blocked, full or not there, cookies throw in sandboxed frames. */
  const attempt = <T>(work: () => T): T | undefined => {
    if (!persistent) return undefined;
    try {
      return work();
    } catch {
      return undefined;
    }
  };
  const bake = (name: string, value: string, age: number) =>
    attempt(() => {
      const place = domain ? ";domain=" + domain : "";
      const secure = location.protocol == "https:" ? ";secure" : "";
      document.cookie = `${prefix + name}=${encodeURIComponent(value)};path=/;max-age=${age};samesite=lax${place + secure}`;
    });
  const cookie = (name: string) =>
    attempt(() => {
      const found = document.cookie.split("; ").find((each) => each.startsWith(prefix + name + "="));
      return found && decodeURIComponent(found.slice(prefix.length + name.length + 1));
    });
  /** Ids, session and consent have short names; events, with long ones, are nobody else's. */
  const shared = (name: string) => persistent && name.length < 9;
  return {
    get: (name) =>
      (domain && shared(name) && cookie(name)) ||
      attempt(() => localStorage.getItem(prefix + name)) ||
      memory.get(name) ||
      (shared(name) && cookie(name)) ||
      "",
    set: (name, value) => {
      const kept = attempt(() => (localStorage.setItem(prefix + name, value), 1));
      if (!kept) memory.set(name, value);
      if (shared(name) && (domain || !kept)) bake(name, value, YEAR);
    },
    remove: (name) => {
      attempt(() => localStorage.removeItem(prefix + name));
      memory.delete(name);
      if (shared(name) && cookie(name)) bake(name, "", 0);
    },
    names: (start) =>
      (attempt(() => Object.keys(localStorage)) || [])
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .concat([...memory.keys()])
        .filter((name) => name.startsWith(start))
        .sort(),
  };
};
