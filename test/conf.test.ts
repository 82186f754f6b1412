// What people copy from conf/ is right: the list as the specification has it, and each plugin's part as the plugin reads it.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { commands } from "../cmd/commands.ts";
import { decodeConfig as decodeBandwidth } from "../src/plugins/bandwidth/config.ts";
import { decodeConfig as decodeBridge } from "../src/plugins/bridge/config.ts";
import { decodeConfig as decodeFirewall } from "../src/plugins/firewall/config.ts";
import { programsIn } from "../src/plugins/firewall-backend.ts";
import { decodeConfig as decodeHostLocal } from "../src/plugins/host-local/config.ts";
import { decodeConfig as decodeMacvlan } from "../src/plugins/macvlan/config.ts";
import { decodeConfig as decodePortmap } from "../src/plugins/portmap/config.ts";
import { decodeConfig as decodeTuning } from "../src/plugins/tuning/config.ts";
import { parseDocument } from "../src/protocol/document.ts";
import type { Network } from "../src/protocol/plugin.ts";
import { everyVersion } from "../src/protocol/version.ts";

const names = commands.map((command) => command.name);
const conflist = z.strictObject({
  cniVersion: z.enum(everyVersion),
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/),
  disableCheck: z.boolean().optional(),
  plugins: z.array(z.looseObject({ type: z.enum(names) })).min(1),
});

const decoders: Readonly<Record<string, readonly ((network: Network, cniArgs: string) => unknown)[]>> = {
  bridge: [decodeBridge, decodeHostLocal],
  loopback: [],
  portmap: [(network) => decodePortmap(network, programsIn({}))],
  bandwidth: [decodeBandwidth],
  firewall: [decodeFirewall],
  tuning: [(network, cniArgs) => decodeTuning(network, cniArgs, "eth0")],
  macvlan: [decodeMacvlan, decodeHostLocal],
};

const files = readdirSync("conf").filter((file) => file.endsWith(".conflist"));

test("there are examples, and conf/README.md names each", () => {
  expect(files.length).toBeGreaterThan(0);
  const readme = readFileSync("conf/README.md", "utf8");
  expect(files.filter((file) => !readme.includes(`\`${file}\``))).toEqual([]);
});

test.each(files)("%s is a network that our plugins take", (file) => {
  const { cniVersion, name, plugins } = conflist.parse(JSON.parse(readFileSync(`conf/${file}`, "utf8")));
  for (const plugin of plugins) {
    const text = JSON.stringify({ ...plugin, cniVersion, name });
    const document = parseDocument(text, file);
    const network = { name, version: cniVersion, document, input: Buffer.from(text), prevResult: undefined };
    expect(decoders).toHaveProperty(plugin.type);
    for (const decode of decoders[plugin.type] ?? []) expect(decode(network, "")).toBeDefined();
  }
});
