import type { Command } from "../src/protocol/command.ts";
import { everyVersion, versionsFrom } from "../src/protocol/version.ts";

/** Every plugin in the executable: a name that it is installed under, and the files here with its code, which are loaded by themselves. */
export const commands: readonly Command[] = [
  {
    name: "bandwidth",
    versions: versionsFrom("0.3.0"),
    code: { CHECK: "bandwidth-other", STATUS: "bandwidth-other", GC: "bandwidth-other" },
  },
  {
    name: "bridge",
    versions: everyVersion,
    code: { DEL: "bridge-del", CHECK: "bridge-other", STATUS: "bridge-other", GC: "bridge-other" },
    // the key in any spelling that JSON has for it
    special: { verb: "ADD", pattern: /docker|\\u/iu, code: "bridge-docker" },
  },
  {
    name: "firewall",
    versions: versionsFrom("0.4.0"),
    code: { CHECK: "firewall-other", STATUS: "firewall-other", GC: "firewall-other" },
  },
  { name: "host-local", versions: everyVersion },
  { name: "loopback", versions: everyVersion },
  {
    name: "macvlan",
    versions: everyVersion,
    code: { DEL: "macvlan-del", CHECK: "macvlan-other", STATUS: "macvlan-other", GC: "macvlan-other" },
  },
  {
    name: "portmap",
    versions: everyVersion,
    code: { CHECK: "portmap-other", STATUS: "portmap-other", GC: "portmap-other" },
  },
  { name: "static", versions: everyVersion },
  {
    name: "tuning",
    versions: everyVersion,
    code: { CHECK: "tuning-other", STATUS: "tuning-other", GC: "tuning-other" },
  },
];
