import { printCidr } from "../net/cidr.ts";
import { type Family, printIp } from "../net/ip.ts";
import type { Place } from "./facts.ts";
import { addChain, removeChain } from "./private-chain.ts";
import { remove } from "./rule-input.ts";
import { printRule, type RuleSet } from "./rule-set.ts";
import type { NewLink, Step } from "./step.ts";

/** A plan in the words an administrator would type, with `nsenter` where it happens in the container. */
export function printPlan(steps: readonly Step[]): string {
  return steps.map((step) => `${printStep(step)}\n`).join("");
}

function printStep(step: Step): string {
  switch (step.do) {
    case "link.add-bridge":
      return `${at(step.place)}ip link add ${newLink(step.bridge)} type bridge`;
    case "link.add-veth":
      return `ip link add ${newLink(step.host)} type veth peer ${newLink(step.container)} netns container`;
    case "link.delete":
      return `${at(step.place)}ip link delete ${step.link}`;
    case "link.set":
      return `${at(step.place)}ip link set ${step.link}${linkChange(step)}`;
    case "port.set":
      return `${at(step.place)}bridge link set dev ${step.link} hairpin ${step.hairpin ? "on" : "off"}`;
    case "address.add":
      return `${at(step.place)}ip address add ${printCidr(step.cidr)} dev ${step.link}${step.nodad === true ? " nodad" : ""}`;
    case "address.delete":
      return `${at(step.place)}ip address delete ${printCidr(step.cidr)} dev ${step.link}`;
    case "route.add":
      return `${at(step.place)}ip route add ${printCidr(step.dst)}${way(step)} dev ${step.link}`;
    case "sysctl.set":
      return `${at(step.place)}sysctl -w ${step.key}=${step.value}${step.optional ? " || true" : ""}`;
    case "link.await-up":
      return `# wait until ${step.link} is up and running`;
    case "rules.add":
      return restore(step.chain, addChain(step.chain));
    case "rules.remove":
      return restore(step.chain, removeChain(step.chain));
    case "rules.ensure":
      return ensure(step.rules);
    case "rules.release":
      return restore(step, remove(step.rules) ?? "");
    default:
      return step satisfies never;
  }
}

function at(place: Place): string {
  return place === "host" ? "" : "nsenter --net=container ";
}

function newLink({ name, mtu, mac }: NewLink): string {
  return [name, ...word("mtu", mtu), ...word("address", mac)].join(" ");
}

function linkChange({ up, mac, master, alias }: Extract<Step, { do: "link.set" }>): string {
  const words = [...word("address", mac), ...word("master", master), ...word("alias", alias)];
  if (up !== undefined) words.push(up ? "up" : "down");
  return words.map((text) => ` ${text}`).join("");
}

function way(route: Extract<Step, { do: "route.add" }>): string {
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
function ensure({ family, standing, own, forwarding }: RuleSet): string {
  const rules = [...standing, ...own].map((rule) => printRule(rule, family));
  return [...(forwarding ? [`# make this host forward IPv${family}`] : []), ...rules].join("\n");
}

function restore({ family }: { readonly family: Family }, input: string): string {
  return `${family === 4 ? "iptables" : "ip6tables"}-restore --noflush <<END\n${input}END`;
}
