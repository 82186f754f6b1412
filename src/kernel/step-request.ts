// What the kernel is asked over netlink for a step.
import type { Place } from "../plan/facts.ts";
import type { ShapingStep } from "../plan/shaping-step.ts";
import type { Step } from "../plan/step.ts";
import type { OfLink } from "../plan/step-parts.ts";
import { addAddress, deleteAddress } from "./netlink/address.ts";
import { deleteLink, setLink, setPort } from "./netlink/link.ts";
import { deleteNeighbour, replaceNeighbour } from "./netlink/neighbour.ts";
import { addBridge, addDummy, addIfb, addMacvlan, addVeth, addVlan } from "./netlink/new-link.ts";
import { addRoute, deleteRoute } from "./netlink/route.ts";
import type { Request } from "./netlink/socket.ts";
import { addQdisc, addRedirect, deleteQdisc, setSources } from "./netlink/traffic-control.ts";
import { addVlans, deleteVlans, type Port } from "./netlink/vlan.ts";

export type NetlinkStep = Extract<Step, { readonly tolerate?: readonly string[] }>;

/** What a step does not know. */
interface Known {
  /** Of a link that is there by now; throws when there is none. */
  readonly indexOf: (place: Place, link: string) => number;
  /** Of the container's namespace. */
  readonly containerFd: () => number;
}

export function requestOf(step: NetlinkStep, { indexOf, containerFd }: Known): Request {
  const portOf = ({ place, link }: OfLink): Port => ({ index: indexOf(place, link), name: link });
  switch (step.do) {
    case "link.add-bridge":
      return addBridge(step.bridge);
    case "link.add-veth":
      return addVeth(step.host, { ...step.container, netns: containerFd() });
    case "link.add-veth-here":
      return addVeth(step.end, step.peer);
    case "link.add-ifb":
      return addIfb(step.ifb);
    case "link.add-macvlan":
      return addMacvlanFor(step, { indexOf, containerFd });
    case "link.add-vlan":
      return addVlan(step.vlan, { parent: indexOf(step.place, step.parent), id: step.vlan.id });
    case "link.add-dummy":
      return addDummy(step.dummy);
    case "link.delete":
      return deleteLink(step.link);
    case "link.set": {
      const master = step.master === undefined ? undefined : indexOf(step.place, step.master);
      return setLink(step.link, { ...step, master });
    }
    case "port.set":
      return setPort(step.link, step);
    case "vlan.add":
      return addVlans(portOf(step), step.vlans);
    case "vlan.delete":
      return deleteVlans(portOf(step), step.vlans);
    case "address.add":
      return addAddress({ ...step, link: indexOf(step.place, step.link), linkName: step.link });
    case "address.delete":
      return deleteAddress({ ...step, link: indexOf(step.place, step.link), linkName: step.link });
    case "route.add":
      return addRoute({ ...step, link: indexOf(step.place, step.link) });
    case "route.delete":
      return deleteRoute({ ...step, link: indexOf(step.place, step.link) });
    case "neighbour.set":
      return replaceNeighbour({ ...step, link: indexOf(step.place, step.link), isPermanent: true });
    case "neighbour.delete":
      return deleteNeighbour({ ip: step.ip, link: indexOf(step.place, step.link) });
    default:
      return shapingRequestOf(step, portOf);
  }
}

function shapingRequestOf(step: ShapingStep, portOf: (of: OfLink) => Port): Request {
  switch (step.do) {
    case "qdisc.add":
      return addQdisc(portOf(step), step.qdisc);
    case "qdisc.delete":
      return deleteQdisc(portOf(step), step.at);
    case "filter.redirect":
      return addRedirect(portOf(step), portOf({ place: step.place, link: step.to }));
    case "filter.sources":
      return setSources(portOf(step), step.macs);
    default:
      return step satisfies never;
  }
}

/** It is made by the namespace that has the parent, and born in its own. */
function addMacvlanFor(
  { place, parent, macvlan }: Extract<Step, { do: "link.add-macvlan" }>,
  { indexOf, containerFd }: Known,
): Request {
  const netns = place === parent.place ? undefined : containerFd();
  return addMacvlan({ ...macvlan, netns }, { ...macvlan, index: indexOf(parent.place, parent.link) });
}
