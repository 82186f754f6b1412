// What the kernel is observed to have. Plans and checks read nothing else.
import type { Cidr } from "../net/cidr.ts";
import type { Ip } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { VidRange } from "../net/vlan.ts";

/** Where a link, an address or a setting is. */
export type Place = "host" | "container";

/** How macvlans of one parent see each other, as iproute2 names it. */
export type MacvlanMode = "private" | "vepa" | "bridge" | "passthru";

/** What `ip -details link show` tells of a link. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, `macvlan`; undefined for hardware and `lo`. */
  readonly kind: string | undefined;
  readonly mac: Mac | undefined;
  readonly mtu: number;
  /** Set up by the administrator; says nothing about the carrier. */
  readonly isUp: boolean;
  /** Up and running: RFC 2863 operational state. */
  readonly isOperational: boolean;
  /** Index of the bridge it is a port of. */
  readonly master: number | undefined;
  /** Index of the other end of a veth, or of the parent of a macvlan or VLAN, in the namespace of that. */
  readonly peer: number | undefined;
  readonly alias: string | undefined;
  /** Set by the administrator, not by a program that listens. */
  readonly isPromiscuous: boolean;
  /** Whether it takes in what is sent to any group. */
  readonly isAllMulticast: boolean;
  /** Packets that may wait to be sent. */
  readonly txqlen: number;
  /** Of a bridge: whether its ports are apart by their VLANs. */
  readonly vlanFiltering?: boolean | undefined;
  /** Of a macvlan; the mode is undefined when it is one that we do not make. */
  readonly macvlan?: { readonly mode: MacvlanMode | undefined; readonly queueLength: number | undefined } | undefined;
  /** Of a VLAN. */
  readonly vlanId?: number | undefined;
  /** As a port of a bridge: whether frames may leave by the port they came in. */
  readonly hairpin: boolean;
  /** As a port of a bridge: whether no frames go between it and other isolated ports. */
  readonly isIsolated: boolean;
}

/** What `bridge vlan show` tells of a port. */
export interface PortVlans extends VidRange {
  /** What comes in untagged belongs to this VLAN; never a range. */
  readonly isPvid: boolean;
  readonly isUntagged: boolean;
}

export interface Address {
  /** Index of its link. */
  readonly link: number;
  readonly cidr: Cidr;
  /** 0 for an address that others may use, 253 link-local, 254 the host's own. */
  readonly scope: number;
  /** Duplicate address detection is still running. */
  readonly isTentative: boolean;
  /** Duplicate address detection found another owner. */
  readonly isDuplicate: boolean;
}

/** One way to a destination; a route with several next hops is several of these. */
export interface KernelRoute {
  readonly dst: Cidr;
  readonly link: number | undefined;
  readonly gw: Ip | undefined;
  readonly table: number;
  readonly priority: number;
  readonly mtu: number | undefined;
}
