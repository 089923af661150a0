// crypto.hash and crypto.hmac: FIPS 180-4 and RFC 2104, of texts as UTF-8, to hex or base64.
(function () {
  const bytesOf = (text) => {
    const packed = unescape(encodeURIComponent(String(text).toWellFormed()));
    return Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  };
  const left = (word, by) => (word << by) | (word >>> (32 - by));
  const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
  const PRIMES = [];
  for (let at = 2; PRIMES.length < 64; at++) if (PRIMES.every((prime) => at % prime)) PRIMES.push(at);
  const ROUNDS = PRIMES.map((prime) => fraction(Math.cbrt(prime)));

  const ALGORITHMS = {
    sha1: {
      state: [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0],
      mix(state, words) {
        for (let t = 16; t < 80; t++)
          words[t] = left(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
        let [a, b, c, d, e] = state;
        for (let t = 0; t < 80; t++) {
          const [chosen, constant] =
            t < 20 ? [(b & c) | (~b & d), 0x5a827999]
            : t < 40 ? [b ^ c ^ d, 0x6ed9eba1]
            : t < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
            : [b ^ c ^ d, 0xca62c1d6];
          [a, b, c, d, e] = [(left(a, 5) + chosen + e + constant + words[t]) | 0, a, left(b, 30), c, d];
        }
        return [a, b, c, d, e];
      },
    },
    sha256: {
      state: PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime))),
      mix(state, words) {
        for (let t = 16; t < 64; t++) {
          const x = words[t - 15], y = words[t - 2];
          words[t] = (words[t - 16] + words[t - 7] + (left(x, 25) ^ left(x, 14) ^ (x >>> 3))
            + (left(y, 15) ^ left(y, 13) ^ (y >>> 10))) | 0;
        }
        let [a, b, c, d, e, f, g, h] = state;
        for (let t = 0; t < 64; t++) {
          const one = (h + (left(e, 26) ^ left(e, 21) ^ left(e, 7)) + ((e & f) ^ (~e & g))
            + ROUNDS[t] + words[t]) | 0;
          const two = ((left(a, 30) ^ left(a, 19) ^ left(a, 10)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
          [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
        }
        return [a, b, c, d, e, f, g, h];
      },
    },
  };

  const digest = (name, bytes) => {
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : null;
    if (!algorithm) throw new Error(`${name} is not among the algorithms: sha1, sha256`);
    const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64), view = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
    view.setUint32(padded.length - 4, bytes.length << 3);
    let state = algorithm.state;
    for (let at = 0; at < padded.length; at += 64) {
      const words = [];
      for (let t = 0; t < 16; t++) words.push(view.getInt32(at + 4 * t));
      const mixed = algorithm.mix(state, words);
      state = state.map((word, t) => (word + mixed[t]) | 0);
    }
    const found = new DataView(new ArrayBuffer(state.length * 4));
    state.forEach((word, t) => found.setInt32(4 * t, word));
    return new Uint8Array(found.buffer);
  };
  const joined = (a, b) => { const all = new Uint8Array(a.length + b.length); all.set(a); all.set(b, a.length); return all; };
  const keyed = (name, key, bytes) => {
    const block = new Uint8Array(64);
    block.set(key.length > 64 ? digest(name, key) : key);
    const inner = digest(name, joined(block.map((byte) => byte ^ 0x36), bytes));
    return digest(name, joined(block.map((byte) => byte ^ 0x5c), inner));
  };
  const shown = (bytes, encoding) =>
    encoding === 'base64'
      ? btoa(String.fromCharCode(...bytes))
      : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    hash: (name, value, encoding = 'hex') => shown(digest(name, bytesOf(value)), encoding),
    hmac: (name, key, value, encoding = 'hex') =>
      shown(keyed(name, bytesOf(key), bytesOf(value)), encoding),
  };
})()
