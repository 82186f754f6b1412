// What the bridge has in nftables: the rules of ipMasq, when that is their backend, and those of macspoofchk.
import { sha512 } from "../../kernel/libc.ts";
import type { Cidr } from "../../net/cidr.ts";
import { masqueradeHash, masqueradeNetworkHash } from "../../net/hashed-name.ts";
import { randomMac } from "../../net/mac.ts";
import { forgottenMasquerades, masqueradeOwner, nftMasquerade } from "../../plan/nft-masquerade.ts";
import type { NftOwner, NftRules } from "../../plan/nft-rules.ts";
import { spoofCheck, spoofCheckProblem } from "../../plan/spoof-check.ts";
import type { Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Attachment, GcCall, Network } from "../../protocol/plugin.ts";
import { randomBytes } from "../random-bytes.ts";
import type { Addressing } from "./addressing.ts";
import type { BridgeConfig } from "./config.ts";

export interface OfNetwork extends Attachment {
  readonly network: Network;
}

/** The rules of macspoofchk come before the interface, so its address has to be known by then. Errors: 4, see spoofCheckProblem. */
export function prepareSpoofCheck(config: BridgeConfig, attachment: Attachment): BridgeConfig {
  if (!config.macspoofchk) return config;
  const problem = spoofCheckProblem(attachment);
  if (problem !== undefined) throw new CniError(ErrorCode.InvalidEnvironment, problem);
  return { ...config, mac: config.mac ?? randomMac(randomBytes(6)) };
}

/** The same steps with those rules, which are in force before the container's interface can send. */
export function withSpoofCheck(
  { mac, macspoofchk }: BridgeConfig,
  attachment: Attachment,
  port: string,
  steps: readonly Step[],
): Step[] {
  if (!macspoofchk || mac === undefined) return [...steps];
  const add: Step = { do: "nft.add", rules: spoofCheck(attachment, { port, mac }) };
  const up = steps.findIndex((step) => step.do === "link.set" && step.place === "container" && step.up === true);
  // an interface that stays down sends nothing
  if (up === -1) return [add, ...steps];
  return [add, ...steps.slice(0, up), { do: "rules.await" }, ...steps.slice(up)];
}

export function planNftMasquerade(call: OfNetwork, { ips }: Addressing): Step[] {
  if (ips.length === 0) return [];
  const addresses = ips.map((ip) => ip.address);
  return [{ do: "nft.add", rules: masqueradeRulesOf(call, addresses) }];
}

export function masqueradeRulesOf(call: OfNetwork, addresses: readonly Cidr[]): NftRules {
  const { network, containerId, ifname } = call;
  return nftMasquerade({ hash: hashOf(call), network: network.name, containerId, ifname }, addresses);
}

export function masqueradeOwnerOf(call: OfNetwork): NftOwner {
  return masqueradeOwner(hashOf(call));
}

/** Takes away the masquerading of whatever the runtime does not know any more. */
export function planNftGc({ network, validAttachments }: GcCall): Step {
  const valid = validAttachments.map((attachment) => hashOf({ ...attachment, network }));
  return { do: "nft.remove", owner: forgottenMasquerades(masqueradeNetworkHash(sha512, network.name), valid) };
}

function hashOf({ network, containerId, ifname }: OfNetwork): string {
  return masqueradeHash(sha512, { network: network.name, containerId, ifname });
}
