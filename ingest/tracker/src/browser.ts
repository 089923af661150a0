// Small things that browsers have and languages do not.

export const now = Date.now;

let last = 0;
let count = 0;

/** A UUIDv7: its order is the order in time, also within a millisecond (RFC 9562, 6.2, method 1). */
export const uuid = (): string => {
  const at = now();
  if (at > last || ++count > 0xfff) {
    last = Math.max(at, last + 1);
    count = 0;
  }
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const time = hex(last, 12);
  const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => hex(byte, 2)).join("");
  const variant = "89ab"[parseInt(random[0]!, 16) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count, 3)}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
};

export const listen = (
  target: EventTarget,
  names: string,
  hear: (event: any) => void,
  options?: AddEventListenerOptions,
): void => names.split(" ").forEach((name) => target.addEventListener(name, hear, options));

/** Whether the browser asks that its user is not followed (Do Not Track, Global Privacy Control). */
export const asksForPrivacy = (): boolean => {
  const said = navigator as any;
  return !!said.globalPrivacyControl || said.doNotTrack == 1 || (window as any).doNotTrack == 1;
};

export const isRobot = (): boolean =>
  navigator.webdriver || /bot\b|crawl|spider|headless|lighthouse|prerender/i.test(navigator.userAgent);
