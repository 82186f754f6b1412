import type { PortMapping } from "../../../../src/net/port-mapping.ts";
import type { Publishing } from "../../../../src/plan/portmap/iptables-rules.ts";

export const usual: Publishing = {
  snat: true,
  masqAll: false,
  markMasqBit: 13,
  externalSetMarkChain: undefined,
  conditions: [],
};
export const mapping = (hostPort: number, containerPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
  protocol: "tcp",
  hostPort,
  containerPort,
  hostIp: undefined,
  ...more,
});
