// Which link of the host, or of the container, the macvlans are on, and whether it can be that.
import { interfaceNameProblem } from "../../net/interface-name.ts";
import { VID } from "../../net/vlan.ts";
import type { Link, Place } from "../../plan/facts.ts";
import type { Step } from "../../plan/step.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { MacvlanConfig } from "./config.ts";

export interface Parent {
  readonly name: string;
  readonly place: Place;
  /** What is made when there is no link of that name, as Docker does it. */
  readonly making:
    | { readonly kind: "vlan"; readonly base: string; readonly id: number }
    | { readonly kind: "dummy" }
    | undefined;
}

export interface ParentFacts {
  /** By its name. */
  readonly parent: Link | undefined;
  /** Of a VLAN that has to be made. */
  readonly base: Link | undefined;
}

/** Undefined when it is that of the default route. `isolated` is the name of the parent of an internal network. */
export function parentOf({ master, internal, linkInContainer }: MacvlanConfig, isolated: string): Parent | undefined {
  if (master !== undefined) return parentNamed(master, linkInContainer);
  return internal ? { name: isolated, place: "host", making: { kind: "dummy" } } : undefined;
}

export function parentNamed(name: string, linkInContainer: boolean): Parent {
  return { name, place: linkInContainer ? "container" : "host", making: linkInContainer ? undefined : vlanNamed(name) };
}

/** Docker's `<parent>.<id>`: `eth0.10` is VLAN 10 of eth0. */
function vlanNamed(name: string): Parent["making"] {
  const [, base = "", digits = ""] = /^(.+)\.([1-9]\d{0,3})$/.exec(name) ?? [];
  const id = Number(digits);
  if (interfaceNameProblem(base) !== undefined || id < VID.least || id > VID.most) return undefined;
  return { kind: "vlan", base, id };
}

/** Errors: 101 when there is no such link, and none can be made; 102 when it is down, and that shall be an error. */
export function checkParent(
  parent: Parent,
  { parent: link, base }: ParentFacts,
  onParentDown: MacvlanConfig["onParentDown"],
): void {
  const { making, name, place } = parent;
  const present = link ?? base;
  if (present === undefined && making?.kind !== "dummy") {
    const where = place === "container" ? "the container has no" : "there is no";
    const both = making === undefined ? "" : `, and no ${making.base} to make it of`;
    throw new CniError(ErrorCode.ParentMissing, `macvlan: ${where} link ${name} that could be the parent${both}`);
  }
  if (onParentDown !== "fail" || present === undefined || present.isUp) return;
  throw new CniError(ErrorCode.ParentDown, downSentence(present));
}

export function downSentence({ name }: Link): string {
  return `macvlan: the parent ${name} is down: ip link set ${name} up`;
}

/** Errors: 7 with both numbers. */
export function checkMtuOfParent({ mtu }: MacvlanConfig, { parent, base }: ParentFacts): void {
  const link = parent ?? base;
  if (mtu === undefined || link === undefined || mtu <= link.mtu) return;
  const message = `macvlan: mtu ${mtu} is above that of the parent ${link.name}, which is ${link.mtu}`;
  throw new CniError(ErrorCode.InvalidConfig, message);
}

/** For a link that is not there. The containers shall not tell the host their routes; a VLAN goes up later with the link it is made of. */
export function planParent({ name, making }: Parent, network: string): Step[] {
  const place = "host";
  if (making === undefined) return [];
  const made: Step =
    making.kind === "vlan"
      ? { do: "link.add-vlan", place, vlan: { name, id: making.id }, parent: making.base }
      : { do: "link.add-dummy", place, dummy: { name } };
  return [
    made,
    { do: "link.set", place, link: name, alias: `parent of the macvlan network ${network}` },
    { do: "sysctl.set", place, key: `net/ipv6/conf/${name}/accept_ra`, value: "0", optional: true },
    { do: "link.set", place, link: name, up: true, tolerate: ["ENETDOWN"] },
  ];
}
