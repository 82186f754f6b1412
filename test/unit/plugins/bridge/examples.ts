import type { Link } from "../../../../src/plan/facts.ts";
import type { BridgeConfig } from "../../../../src/plugins/bridge/config.ts";
import type { Names } from "../../../../src/plugins/bridge/plan.ts";
import { mustMac } from "../../net/must.ts";
import { plainLink } from "../../plain-link.ts";

/** What an empty configuration means. */
export const plainConfig: BridgeConfig = {
  bridge: "cni0",
  isGateway: false,
  isDefaultGateway: false,
  ipMasq: false,
  ipMasqBackend: undefined,
  macspoofchk: false,
  mtu: undefined,
  hairpinMode: false,
  promiscMode: false,
  forceAddress: false,
  portIsolation: false,
  enableDad: false,
  disableContainerInterface: false,
  vlans: undefined,
  mac: undefined,
  ipamType: undefined,
  dns: undefined,
  docker: undefined,
  ports: [],
  onConflict: "error",
};

export const attachment = { containerId: "c1", ifname: "eth0" };

export const names: Names = {
  network: "n1",
  hostVeth: "veth1",
  masqueradeChain: { name: "CNI-1", otherName: "CNI-2" },
  bridgeMac: mustMac("02:00:00:00:00:99"),
};

export const bridgeLink: Link = {
  ...plainLink,
  index: 3,
  name: "cni0",
  kind: "bridge",
  mac: mustMac("02:00:00:00:00:01"),
  master: undefined,
};

export const hostLink: Link = {
  ...plainLink,
  index: 4,
  name: "veth1",
  kind: "veth",
  mac: mustMac("02:00:00:00:00:02"),
  master: 3,
  peer: 2,
  alias: "n1/c1/eth0",
};

export const containerLink: Link = {
  ...plainLink,
  index: 2,
  name: "eth0",
  kind: "veth",
  mac: mustMac("02:00:00:00:00:03"),
  master: undefined,
  peer: 4,
};
