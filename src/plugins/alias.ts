import type { Attachment } from "../protocol/plugin.ts";

/** Tells people whose veth it is: `ip link show`. The kernel takes up to 255 bytes, of which an interface name needs 15. */
export function aliasOf(network: string, { containerId, ifname }: Attachment): string {
  return `${`${network}/${containerId}`.slice(0, 239)}/${ifname}`;
}
