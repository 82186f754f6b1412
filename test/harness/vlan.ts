import { spawnSync } from "node:child_process";

/** Not every kernel is built with CONFIG_BRIDGE_VLAN_FILTERING; asked in a network of its own. */
export const kernelFiltersVlans =
  spawnSync("unshare", ["--net", "ip", "link", "add", "b0", "type", "bridge", "vlan_filtering", "1"]).status === 0;
