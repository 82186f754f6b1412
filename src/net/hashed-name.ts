// Names made of a hash, byte for byte those of the reference plugins where it has them, so that each finds what the other made.

/** SHA-512 in hexadecimal. It comes from outside: here nothing knows where it is to be had cheaply. */
export type Sha512 = (text: string) => string;

/** Room for an iptables chain name. */
const CHAIN_LENGTH = 28;

/** IFNAMSIZ of linux/if.h without the closing zero. */
const LINK_LENGTH = 15;

const COMMENT_HASH_LENGTH = 16;

interface Attached {
  readonly network: string;
  readonly containerId: string;
}

interface AttachedBy extends Attached {
  readonly ifname: string;
}

/**
 * The chain of ipMasq, as in the reference: ("test", "1234") -> `CNI-2bbe0c48b91a7d1b8a6753a8`. The reference has one for all
 * interfaces of a container in a network; the other name is for a second one.
 */
export function masqueradeChainNames(
  sha512: Sha512,
  { network, containerId, ifname }: AttachedBy,
): { readonly name: string; readonly otherName: string } {
  const chain = (text: string) => `CNI-${sha512(text)}`.slice(0, CHAIN_LENGTH);
  return { name: chain(network + containerId), otherName: chain(`${network}${containerId}:${ifname}`) };
}

/** The chain of a container's published ports, as in the reference: ("test", "1234") -> `CNI-DN-2bbe0c48b91a7d1b8a675`. */
export function portmapChainName(sha512: Sha512, { network, containerId }: Attached): string {
  return `CNI-DN-${sha512(network + containerId)}`.slice(0, CHAIN_LENGTH);
}

/**
 * The device that what a container sends goes through, when that is limited, as in the reference. The reference has one for all interfaces
 * of a container in a network; the other name is for a second one.
 */
export function ifbNames(
  sha512: Sha512,
  { network, containerId, ifname }: AttachedBy,
): { readonly name: string; readonly otherName: string } {
  const name = (text: string) => `bwp${sha512(text)}`.slice(0, LINK_LENGTH);
  return { name: name(network + containerId), otherName: name(`${network}${containerId}:${ifname}`) };
}

/** How the comments of all ipMasq rules of a network in nftables start, as in the reference. */
export function masqueradeNetworkHash(sha512: Sha512, network: string): string {
  return sha512(network).slice(0, COMMENT_HASH_LENGTH);
}

/** The same for one attachment: unit-test/one/eth0 -> `6fd94d501e58f0aa-287fc69eff0574a2`. */
export function masqueradeHash(sha512: Sha512, { network, containerId, ifname }: AttachedBy): string {
  const attachment = sha512(`${ifname}:${containerId}`).slice(0, COMMENT_HASH_LENGTH);
  return `${masqueradeNetworkHash(sha512, network)}-${attachment}`;
}

/**
 * The host end of a container's veth pair. It has the reference's form, but is the same for the same attachment, so that it
 * can be found again when nothing else is known.
 */
export function hostVethName(sha512: Sha512, { network, containerId, ifname }: AttachedBy): string {
  return `veth${sha512(`${network}/${containerId}/${ifname}`).slice(0, 8)}`;
}
