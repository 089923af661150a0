// Builds headrace.js, for script tags, and headrace.mjs, for bundlers, beside this file.
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  minify: true,
  target: "es2021",
  charset: "utf8",
  define: { VERSION: JSON.stringify(version) },
  banner: { js: `/* headrace.js ${version}, Apache-2.0 */` },
  logLevel: "warning",
};
await build({ ...common, entryPoints: ["src/script.ts"], format: "iife", outfile: "headrace.js" });
await build({ ...common, entryPoints: ["src/module.ts"], format: "esm", outfile: "headrace.mjs" });
