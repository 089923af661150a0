// Small things that browsers have and languages do not.

export const now = Date.now;

/** A UUIDv7: its order is the order in time, and nothing of it repeats. */
export const uuid = (): string => {
  const time = now().toString(16).padStart(12, "0");
  const random = Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) =>
    (byte + 256).toString(16).slice(1),
  ).join("");
  const variant = "89ab"[parseInt(random[3]!, 16) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(8)}`;
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
