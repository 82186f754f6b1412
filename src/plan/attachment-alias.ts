/** Tells people whose link it is: `ip link show`. The kernel takes up to 255 bytes, of which an interface name needs 15. */
export function attachmentAlias(
  network: string,
  { containerId, ifname }: { readonly containerId: string; readonly ifname: string },
): string {
  return `${`${network}/${containerId}`.slice(0, 239)}/${ifname}`;
}
