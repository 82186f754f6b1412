// The links that are made, each by a request.
import { type Mac, macToBytes } from "../../net/mac.ts";
import type { MacvlanMode as MacvlanModeName } from "../../plan/facts.ts";
import {
  IFLA_ADDRESS,
  IFLA_BR_VLAN_FILTERING,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_BC_QUEUE_LEN,
  IFLA_MACVLAN_MODE,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_TXQLEN,
  IFLA_VLAN_ID,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from "./constants.ts";
import { ifinfo, MacvlanMode } from "./link.ts";
import { attribute, message, nested, text, u8, u16, u32 } from "./message.ts";
import type { Request } from "./socket.ts";

export interface NewLink {
  readonly name: string;
  readonly mtu?: number | undefined;
  readonly mac?: Mac | undefined;
  readonly txqlen?: number | undefined;
}

/** Equivalent to: `ip link add $name type bridge [vlan_filtering 1]`; ENOTSUP from a kernel that cannot filter VLANs. */
export function addBridge(link: NewLink & { readonly vlanFiltering?: boolean | undefined }): Request {
  if (link.vlanFiltering !== true) return addLink(link, [kind("bridge")]);
  const request = addLink(link, [kind("bridge"), nested(IFLA_INFO_DATA, [u8(IFLA_BR_VLAN_FILTERING, 1)])]);
  return { ...request, what: `${request.what} with VLAN filtering, which not every kernel has` };
}

/** Equivalent to: `ip link add $name type veth peer name $peer [netns $netns]`; both ends stay down. */
export function addVeth(link: NewLink, peer: NewLink & { readonly netns?: number }): Request {
  const peerBody = [ifinfo({}), ...newLink(peer)];
  if (peer.netns !== undefined) peerBody.push(u32(IFLA_NET_NS_FD, peer.netns));
  const data = nested(IFLA_INFO_DATA, [attribute(VETH_INFO_PEER, Buffer.concat(peerBody))]);
  return addLink(link, [kind("veth"), data]);
}

/** Equivalent to: `ip link add $name link $parent [netns $netns] type macvlan mode $mode [bcqueuelen $n]` */
export function addMacvlan(
  link: NewLink & { readonly netns?: number | undefined },
  parent: {
    readonly index: number;
    readonly mode: MacvlanModeName;
    readonly queueLength?: number | undefined;
  },
): Request {
  const data = [u32(IFLA_MACVLAN_MODE, MacvlanMode[parent.mode])];
  if (parent.queueLength !== undefined) data.push(u32(IFLA_MACVLAN_BC_QUEUE_LEN, parent.queueLength));
  const place = [u32(IFLA_LINK, parent.index)];
  if (link.netns !== undefined) place.push(u32(IFLA_NET_NS_FD, link.netns));
  return addLink(link, [kind("macvlan"), nested(IFLA_INFO_DATA, data)], place);
}

/** Equivalent to: `ip link add $name type ifb` */
export function addIfb(link: NewLink): Request {
  return addLink(link, [kind("ifb")]);
}

/** Equivalent to: `ip link add $name link $parent type vlan id $id`, of 802.1Q; ENOTSUP from a kernel without the module 8021q. */
export function addVlan(link: NewLink, { parent, id }: { readonly parent: number; readonly id: number }): Request {
  const data = nested(IFLA_INFO_DATA, [u16(IFLA_VLAN_ID, id)]);
  return addLink(link, [kind("vlan"), data], [u32(IFLA_LINK, parent)]);
}

/** Equivalent to: `ip link add $name type dummy`; ENOTSUP from a kernel without the module dummy. */
export function addDummy(link: NewLink): Request {
  return addLink(link, [kind("dummy")]);
}

function addLink(link: NewLink, info: readonly Buffer[], place: readonly Buffer[] = []): Request {
  const body = [ifinfo({}), ...newLink(link), ...place, nested(IFLA_LINKINFO, info)];
  return { what: `add link ${link.name}`, bytes: message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body) };
}

function newLink({ name, mtu, mac, txqlen }: NewLink): Buffer[] {
  const attributes = [text(IFLA_IFNAME, name)];
  if (txqlen !== undefined) attributes.push(u32(IFLA_TXQLEN, txqlen));
  if (mtu !== undefined) attributes.push(u32(IFLA_MTU, mtu));
  if (mac !== undefined) attributes.push(attribute(IFLA_ADDRESS, macToBytes(mac)));
  return attributes;
}

function kind(name: string): Buffer {
  return text(IFLA_INFO_KIND, name);
}
