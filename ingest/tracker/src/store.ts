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
  const bake = (name: string, value: string, age: number) => {
    const place = domain ? ";domain=" + domain : "";
    const secure = location.protocol == "https:" ? ";secure" : "";
    document.cookie = `${prefix + name}=${encodeURIComponent(value)};path=/;max-age=${age};samesite=lax${place + secure}`;
  };
  const cookie = (name: string) => {
    const found = document.cookie.split("; ").find((each) => each.startsWith(prefix + name + "="));
    return found ? decodeURIComponent(found.slice(prefix.length + name.length + 1)) : "";
  };
  /** Local storage throws when it is blocked, full or not there: each for itself. */
  const attempt = <T>(work: (storage: Storage) => T): T | undefined => {
    if (!persistent) return undefined;
    try {
      return work(localStorage);
    } catch {
      return undefined;
    }
  };
  /** Ids, session and consent have short names; events, with long ones, are nobody else's. */
  const shared = (name: string) => persistent && name.length < 9;
  return {
    get: (name) =>
      (domain && shared(name) && cookie(name)) ||
      attempt((storage) => storage.getItem(prefix + name)) ||
      memory.get(name) ||
      (shared(name) && cookie(name)) ||
      "",
    set: (name, value) => {
      const kept = attempt((storage) => (storage.setItem(prefix + name, value), 1));
      if (!kept) memory.set(name, value);
      if (shared(name) && (domain || !kept)) bake(name, value, YEAR);
    },
    remove: (name) => {
      attempt((storage) => storage.removeItem(prefix + name));
      memory.delete(name);
      if (shared(name) && cookie(name)) bake(name, "", 0);
    },
    names: (start) =>
      (attempt((storage) => Object.keys(storage)) || [])
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .concat([...memory.keys()])
        .filter((name) => name.startsWith(start))
        .sort(),
  };
};
