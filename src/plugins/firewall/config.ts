import type { BridgePolicy } from "../../plan/firewall/isolation.ts";
import type { Forwarding } from "../../plan/firewall/rules.ts";
import { ruleInterfaceProblem } from "../../plan/rule-interface.ts";
import { decode, string, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";

export interface FirewallConfig {
  readonly adminChain: string;
  readonly ingressPolicy: BridgePolicy["policy"];
}

const defaultAdminChain = "CNI-ADMIN";
/** XT_EXTENSION_MAXNAMELEN of linux/netfilter/x_tables.h without the closing zero. */
const LONGEST_CHAIN = 28;
/** Of the table filter, and targets that a chain of the name would hide. */
const takenNames = ["INPUT", "FORWARD", "OUTPUT", "CNI-FORWARD", "ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE"];
const policies = ["open", "same-bridge", "isolated"] as const;

const fields = () =>
  struct({ backend: string, iptablesAdminChainName: string, firewalldZone: string, ingressPolicy: string });

/** For ADD, CHECK and STATUS. Errors: 2 for firewalld, 6 and 7 for the configuration. */
export function decodeConfig(network: Network): FirewallConfig {
  const { backend, iptablesAdminChainName, firewalldZone, ingressPolicy } = decode(
    fields(),
    network.document,
    "firewall",
  );
  checkBackend(backend);
  if (isFilled(firewalldZone))
    throw new CniError(ErrorCode.UnsupportedField, "firewall: firewalldZone is not supported, as firewalld is not");
  return {
    adminChain: isFilled(iptablesAdminChainName) ? checkChain(iptablesAdminChainName) : defaultAdminChain,
    ingressPolicy: isFilled(ingressPolicy) ? checkPolicy(ingressPolicy) : "open",
  };
}

/**
 * What is to be written for the containers of a network. The bridge is, as in the reference, the first interface of the plugin before.
 * Errors: 7 when there is none to keep apart.
 */
export function forwardingOf({ adminChain, ingressPolicy }: FirewallConfig, { interfaces }: Result): Forwarding {
  if (ingressPolicy === "open") return { adminChain, isolation: undefined };
  const [bridge] = interfaces;
  if (bridge === undefined || bridge.name === "" || (bridge.sandbox ?? "") !== "") {
    const found = bridge === undefined ? "there is none" : `it is ${JSON.stringify(bridge.name)} of the container`;
    throw invalid(`ingressPolicy ${ingressPolicy} needs a bridge as the first interface of prevResult, and ${found}`);
  }
  const problem = ruleInterfaceProblem(bridge.name);
  if (problem !== undefined) throw invalid(`no rule can name the interface ${JSON.stringify(bridge.name)}: ${problem}`);
  return { adminChain, isolation: { bridge: bridge.name, policy: ingressPolicy } };
}

/** What is noted of the bridge that a container is on; undefined when the first interface is none that a rule could name. */
export function bridgeOf({ ingressPolicy }: FirewallConfig, { interfaces: [first] }: Result): BridgePolicy | undefined {
  const isOnHost = first !== undefined && first.name !== "" && (first.sandbox ?? "") === "";
  if (!isOnHost || ruleInterfaceProblem(first.name) !== undefined) return undefined;
  return { bridge: first.name, policy: ingressPolicy };
}

/** An empty one is what podman writes for the default. */
function checkBackend(backend: string | undefined): void {
  if (backend === undefined || backend === "" || backend === "iptables") return;
  if (backend === "firewalld")
    throw new CniError(ErrorCode.UnsupportedField, "firewall: backend firewalld is not supported; iptables is");
  throw invalid(`backend ${JSON.stringify(backend)} is not "iptables"`);
}

function checkChain(name: string): string {
  if (/[\s"'\\\0]|^[-!]/.test(name) || Buffer.byteLength(name) > LONGEST_CHAIN)
    throw invalid(`iptablesAdminChainName ${JSON.stringify(name)} cannot name a chain of iptables`);
  if (takenNames.includes(name) || name.startsWith("CNI-ISOLATION-STAGE-"))
    throw invalid(`iptablesAdminChainName ${JSON.stringify(name)} is taken`);
  return name;
}

function checkPolicy(written: string): FirewallConfig["ingressPolicy"] {
  const known = policies.find((policy) => policy === written);
  if (known !== undefined) return known;
  throw invalid(`ingressPolicy ${JSON.stringify(written)} is none of ${policies.join(", ")}`);
}

function isFilled(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `firewall: ${problem}`);
}
