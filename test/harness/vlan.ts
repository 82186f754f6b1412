import { spawnSync } from "node:child_process";

/** Not every kernel is built with CONFIG_BRIDGE_VLAN_FILTERING; asked in a network of its own. */
export const kernelFiltersVlans =
  spawnSync("unshare", ["--net", "ip", "link", "add", "b0", "type", "bridge", "vlan_filtering", "1"]).status === 0;

/** Nor with CONFIG_VLAN_8021Q and CONFIG_DUMMY. */
export const kernelHasMadeParents =
  spawnSync("unshare", [
    "--net",
    "sh",
    "-ec",
    "ip link add d0 type dummy; ip link add link d0 name d0.10 type vlan id 10",
  ]).status === 0;
