import type { Link } from "../../../../src/plan/facts.ts";
import type { MacvlanConfig } from "../../../../src/plugins/macvlan/config.ts";
import { mustMac } from "../../net/must.ts";
import { plainLink } from "../../plain-link.ts";

/** What an empty configuration means. */
export const plainConfig: MacvlanConfig = {
  master: undefined,
  linkInContainer: false,
  mode: "bridge",
  mtu: undefined,
  mac: undefined,
  queueLength: undefined,
  internal: false,
  hostAccess: false,
  onParentDown: undefined,
  enableDad: false,
  ipamType: undefined,
  dns: undefined,
};

export const parentLink: Link = {
  ...plainLink,
  index: 2,
  name: "lan0",
  mac: mustMac("02:00:00:00:00:01"),
};

export const containerLink: Link = {
  ...parentLink,
  index: 5,
  name: "eth0",
  kind: "macvlan",
  mac: mustMac("02:00:00:00:00:05"),
  peer: parentLink.index,
  macvlan: { mode: "bridge", queueLength: 1000 },
};
