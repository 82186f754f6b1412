/** A link that is up, and nothing else; the rest says which it is. */
export const plainLink = {
  kind: undefined,
  mtu: 1500,
  isUp: true,
  isOperational: true,
  master: undefined,
  peer: undefined,
  alias: undefined,
  hairpin: false,
  isPromiscuous: false,
  isAllMulticast: false,
  txqlen: 1000,
  isIsolated: false,
} as const;
