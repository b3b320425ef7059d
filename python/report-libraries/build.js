// Bundles what echarts.js, graphology.js and tabulator.js name into the vendored files, with the licences of all that is in them.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const VENDOR = new URL("../covlasso/report/vendor/", import.meta.url);
const NAMES = { LICENSE: ["LICENSE", "LICENSE.txt"], NOTICE: ["NOTICE"] };

/** Version, licence and copyright of a package that is installed here; its texts are copied. */
function described(name) {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  let copyright = "";
  for (const [kind, files] of Object.entries(NAMES)) {
    const found = files.map((file) => `node_modules/${name}/${file}`).find(existsSync);
    if (!found) continue;
    copyFileSync(found, new URL(`licences/${name}-${kind}.txt`, VENDOR));
    copyright = /^\W*(Copyright .*?)\s*$/m.exec(readFileSync(found, "utf-8"))?.[1] ?? copyright;
  }
  return `${name} ${version}, ${license}. ${copyright}`;
}

for (const global of ["echarts", "graphology", "tabulator"]) {
  const options = {
    entryPoints: [`${global}.js`],
    bundle: true,
    minify: true,
    format: "iife",
    globalName: global,
    target: "es2020",
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    metafile: true,
    write: false,
  };
  const { metafile, outputFiles } = await build(options);
  const inside = Object.keys(metafile.inputs).map((file) => file.match(/^node_modules\/([^/]+)\//)?.[1]);
  const packages = [...new Set(inside.filter(Boolean))].sort().map(described);
  const text = `/* Bundled from:\n${packages.join("\n")}\n*/\n${outputFiles[0].text}`;
  const file = `${global}.min.js`;
  writeFileSync(new URL(file, VENDOR), text);
  const checksum = createHash("sha256").update(text).digest("hex");
  console.log(`${checksum}  ${file}  ${Buffer.byteLength(text).toLocaleString("en")} bytes`);
}
