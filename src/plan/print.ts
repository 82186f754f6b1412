import { printCidr } from "../net/cidr.ts";
import { type Family, printIp } from "../net/ip.ts";
import type { Route } from "../net/route.ts";
import { printVids, type VidRange } from "../net/vlan.ts";
import type { Place, PortVlans } from "./facts.ts";
import { addNftRules, type NftOwner, nameOf, nothingFound, removeNftRules } from "./nft-rules.ts";
import { addChain, removeChain } from "./private-chain.ts";
import { remove } from "./rule-input.ts";
import { type OwnChain, printRule, type Rule, type RuleSet } from "./rule-set.ts";
import { printShaping } from "./shaping-step.ts";
import { isMaking, type NewLink, type Step } from "./step.ts";

/** A plan in the words an administrator would type, with `nsenter` where it happens in the container. */
export function printPlan(steps: readonly Step[]): string {
  return steps.map((step) => `${printStep(step)}\n`).join("");
}

function printStep(step: Step): string {
  if (isMaking(step)) return printNewLink(step);
  switch (step.do) {
    case "link.delete":
      return `${at(step.place)}ip link delete ${step.link}`;
    case "link.set":
      return `${at(step.place)}ip link set ${step.link}${linkChange(step)}`;
    case "port.set":
      return `${at(step.place)}bridge link set dev ${step.link}${portChange(step)}`;
    case "vlan.add":
      return step.vlans.map((vlans) => `${at(step.place)}bridge vlan add ${portVlans(step.link, vlans)}`).join("\n");
    case "vlan.delete":
      return step.vlans.map((vids) => `${at(step.place)}bridge vlan delete ${portVlans(step.link, vids)}`).join("\n");
    case "address.add":
      return `${at(step.place)}ip address add ${printCidr(step.cidr)} dev ${step.link}${step.nodad === true ? " nodad" : ""}`;
    case "address.delete":
      return `${at(step.place)}ip address delete ${printCidr(step.cidr)} dev ${step.link}`;
    case "route.add":
      return `${at(step.place)}ip route add ${printCidr(step.dst)}${way(step)} dev ${step.link}${step.src === undefined ? "" : ` src ${printIp(step.src)}`}`;
    case "route.delete":
      return `${at(step.place)}ip route delete ${printCidr(step.dst)}${way(step)} dev ${step.link}`;
    case "neighbour.set":
      return `${at(step.place)}ip neighbour replace ${printIp(step.ip)} lladdr ${step.mac} dev ${step.link} nud permanent`;
    case "neighbour.delete":
      return `${at(step.place)}ip neighbour delete ${printIp(step.ip)} dev ${step.link}`;
    case "sysctl.set":
      return `${step.module === undefined ? "" : `modprobe ${step.module}; `}${at(step.place)}sysctl -w ${step.key}=${step.value}${step.optional ? " || true" : ""}`;
    case "link.await-up":
      return `# wait until ${step.link} is up and running`;
    case "address.await-dad":
      return `# wait until nobody else can have the IPv6 addresses of ${step.link}`;
    case "address.announce":
      return `${at(step.place)}${announcement(step)}`;
    case "rules.add":
      return restore(step.chain, addChain(step.chain));
    case "rules.remove":
      return restore(step.chain, removeChain(step.chain));
    case "nft.add":
      return nft(addNftRules(step.rules, nothingFound));
    case "nft.remove":
      return removeOwn(step.owner);
    case "rules.await":
      return "# wait until all rules are in force";
    case "rules.ensure":
      return ensure(step.rules);
    case "rules.release":
      return restore(step, remove(step) ?? "");
    default:
      return `${at(step.place)}${printShaping(step)}`;
  }
}

function printNewLink(step: Extract<Step, { do: `link.add-${string}` }>): string {
  switch (step.do) {
    case "link.add-bridge":
      return `${at(step.place)}ip link add ${newLink(step.bridge)} type bridge${step.bridge.vlanFiltering === true ? " vlan_filtering 1" : ""}`;
    case "link.add-veth":
      return `ip link add ${newLink(step.host)} type veth peer ${newLink(step.container)} netns container`;
    case "link.add-veth-here":
      return `${at(step.place)}ip link add ${newLink(step.end)} type veth peer ${newLink(step.peer)}`;
    case "link.add-ifb":
      return `${at(step.place)}ip link add ${newLink(step.ifb)} type ifb`;
    case "link.add-macvlan":
      return printMacvlan(step);
    case "link.add-vlan":
      return `${at(step.place)}ip link add ${newLink(step.vlan)} link ${step.parent} type vlan id ${step.vlan.id}`;
    case "link.add-dummy":
      return `${at(step.place)}ip link add ${newLink(step.dummy)} type dummy`;
    default:
      return step satisfies never;
  }
}

function at(place: Place): string {
  return place === "host" ? "" : "nsenter --net=container ";
}

function newLink({ name, mtu, mac, txqlen }: NewLink): string {
  return [name, ...word("mtu", mtu), ...word("address", mac), ...word("txqueuelen", txqlen)].join(" ");
}

function printMacvlan({ place, macvlan: link, parent }: Extract<Step, { do: "link.add-macvlan" }>): string {
  const there = place === parent.place ? "" : ` netns ${place}`;
  const queue = link.queueLength === undefined ? "" : ` bcqueuelen ${link.queueLength}`;
  return `${at(parent.place)}ip link add ${newLink(link)} link ${parent.link}${there} type macvlan mode ${link.mode}${queue}`;
}

function announcement({ link, ip }: Extract<Step, { do: "address.announce" }>): string {
  return ip.family === 4 ? `arping -c 1 -U -I ${link} ${printIp(ip)}` : `ndsend ${printIp(ip)} ${link}`;
}

function linkChange(step: Extract<Step, { do: "link.set" }>): string {
  const { up, promisc, allmulti, mac, mtu, txqlen, master, alias } = step;
  const words = [
    ...[...word("address", mac), ...word("mtu", mtu), ...word("txqueuelen", txqlen)],
    ...[...word("master", master), ...word("alias", alias)],
  ];
  if (promisc !== undefined) words.push(`promisc ${onOff(promisc)}`);
  if (allmulti !== undefined) words.push(`allmulticast ${onOff(allmulti)}`);
  if (up !== undefined) words.push(up ? "up" : "down");
  return words.map((text) => ` ${text}`).join("");
}

function portChange({ hairpin, isolated }: Extract<Step, { do: "port.set" }>): string {
  const words = [];
  if (hairpin !== undefined) words.push(`hairpin ${onOff(hairpin)}`);
  if (isolated !== undefined) words.push(`isolated ${onOff(isolated)}`);
  return words.map((text) => ` ${text}`).join("");
}

function onOff(flag: boolean): string {
  return flag ? "on" : "off";
}

function portVlans(link: string, vlans: VidRange & Partial<PortVlans>): string {
  const flags = `${vlans.isPvid === true ? " pvid" : ""}${vlans.isUntagged === true ? " untagged" : ""}`;
  return `dev ${link} vid ${printVids(vlans)}${flags} master`;
}

function way(route: Route): string {
  const { gw, mtu, advmss, priority, table, scope } = route;
  const words = [
    ...word("via", gw === undefined ? undefined : printIp(gw)),
    ...word("mtu", mtu),
    ...word("advmss", advmss),
  ];
  words.push(...word("metric", priority), ...word("table", table), ...word("scope", scope));
  return words.map((text) => ` ${text}`).join("");
}

function word(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name} ${value}`];
}

/** Each of them only where it is missing. */
function ensure({ family, standing, founding = [], own, ownChain, forwarding }: RuleSet): string {
  const inChain = ownChain === undefined ? [] : rulesIn(ownChain);
  const rules = [...standing, ...founding, ...inChain, ...own].map((rule) => printRule(rule, family));
  return [...(forwarding ? [`# make this host forward IPv${family}`] : []), ...rules].join("\n");
}

function rulesIn({ table, name: chain, rules }: OwnChain): readonly Rule[] {
  return rules.map((text) => ({ table, chain, text, at: "end" }));
}

function restore({ family }: { readonly family: Family }, input: string): string {
  return `${family === 4 ? "iptables" : "ip6tables"}-restore --noflush <<END\n${input}END`;
}

function nft(input: string): string {
  return `nft -f - <<END\n${input}END`;
}

function removeOwn(owner: NftOwner): string {
  const chains = removeNftRules(owner, { rules: [], chains: owner.chains });
  return [
    ...owner.shared.map((chain) => deleteByComment(owner, chain)),
    ...(chains === undefined ? [] : [nft(chains)]),
  ].join("\n");
}

/** A rule can only be deleted by its handle, which nobody knows beforehand. */
function deleteByComment({ table, comment }: NftOwner, name: string): string {
  const chain = `${nameOf(table)} ${name}`;
  const [start, others] = "is" in comment ? [`${comment.is}"`, []] : [comment.startsWith, comment.except];
  const without = others.map((prefix) => ` | grep -v 'comment "${prefix}'`).join("");
  const handles = `nft -a list chain ${chain}${without} | sed -n '/comment "${start}/s/.*# handle //p'`;
  return `for handle in $(${handles}); do nft delete rule ${chain} handle $handle; done`;
}
