import type { Attachment } from "../protocol/plugin.ts";

/** Tells people whose veth it is: `ip link show`. The kernel takes up to 255 bytes, of which an interface name needs 15. */
export function aliasOf(network: string, { containerId, ifname }: Attachment): string {
  return `${`${network}/${containerId}`.slice(0, 239)}/${ifname}`;
}

/** Whether a link is another attachment's. Those that the reference has made have no alias, and the network's name may have been changed. */
export function isOthersAlias(alias: string | undefined, attachment: Attachment): boolean {
  const [network = "", ...rest] = (alias ?? "").split("/");
  return rest.length >= 2 && alias !== aliasOf(network, attachment);
}
