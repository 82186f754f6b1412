/** A network as a test needs one; each takes what it does not say from here. */
export const bridgeConfig = {
  cniVersion: "1.0.0",
  name: "n1",
  type: "bridge",
  bridge: "b0",
  isGateway: true,
  ipMasq: true,
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};
