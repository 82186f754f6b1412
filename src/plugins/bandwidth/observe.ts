import { findLinkByIndex } from "../../kernel/netlink/link.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { findQdisc, listRedirects } from "../../kernel/netlink/traffic-control.ts";
import type { Places } from "../../kernel/places.ts";
import type { Link } from "../../plan/facts.ts";
import type { Ifb, Ingress, Shaped } from "./plan.ts";

export interface IfbNames {
  readonly name: string;
  /** For a second interface of the container in the network. */
  readonly otherName: string;
  /** Says whose it is; what the Go plugin made has none. */
  readonly alias: string;
}

/** The device of the attachment, or the name that it would have. */
export function observeIfb(places: Places, { name, otherName, alias }: IfbNames): Ifb {
  const [first, second] = places.findLinks("host", [name, otherName]);
  const isFirst = second?.alias !== alias && (first?.alias === undefined || first.alias === alias);
  const link = isFirst ? first : second;
  const root = link === undefined ? undefined : findQdisc(places.at("host").socket, link, "root");
  return { name: isFirst ? name : otherName, link, root };
}

/** The host's end of the container's interface, with its queues; undefined when it is no veth, or ends elsewhere. */
export function observeShaped(places: Places, ifname: string): Shaped | undefined {
  const link = places.findLink("container", ifname);
  const { socket } = places.at("host");
  const host = link?.kind === "veth" && link.peer !== undefined ? findLinkByIndex(socket, link.peer) : undefined;
  if (host === undefined || host.kind !== "veth" || host.peer !== link?.index) return undefined;
  return { host, root: findQdisc(socket, host, "root"), ingress: observeIngress(socket, host) };
}

export function observeIngress(socket: NetlinkSocket, link: Link): Ingress | undefined {
  const found = findQdisc(socket, link, "ingress");
  return found === undefined ? undefined : { kind: found.kind, ...listRedirects(socket, link) };
}
