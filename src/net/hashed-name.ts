// Names made of a hash, byte for byte those of the reference plugins where it has them, so that each finds what the other made.

/** SHA-512 in hexadecimal. It comes from outside: here nothing knows where it is to be had cheaply. */
export type Sha512 = (text: string) => string;

/** Room for an iptables chain name. */
const CHAIN_LENGTH = 28;

interface Attached {
  readonly network: string;
  readonly containerId: string;
}

/**
 * The chain of ipMasq, as in the reference: ("test", "1234") -> `CNI-2bbe0c48b91a7d1b8a6753a8`. The reference has one for all
 * interfaces of a container in a network; the other name is for a second one.
 */
export function masqueradeChainNames(
  sha512: Sha512,
  { network, containerId, ifname }: Attached & { readonly ifname: string },
): { readonly name: string; readonly otherName: string } {
  const chain = (text: string) => `CNI-${sha512(text)}`.slice(0, CHAIN_LENGTH);
  return { name: chain(network + containerId), otherName: chain(`${network}${containerId}:${ifname}`) };
}

/**
 * The host end of a container's veth pair. It has the reference's form, but is the same for the same attachment, so that it
 * can be found again when nothing else is known.
 */
export function hostVethName(
  sha512: Sha512,
  { network, containerId, ifname }: Attached & { readonly ifname: string },
): string {
  return `veth${sha512(`${network}/${containerId}/${ifname}`).slice(0, 8)}`;
}
