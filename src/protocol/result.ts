import type { Cidr } from "../net/cidr.ts";
import type { Ip } from "../net/ip.ts";
import type { Route } from "../net/route.ts";

/** The result of an ADD, in the newest form: older ones are converted at the edge (result-print.ts, result-decode.ts). */
export interface Result {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultIp[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}

export interface ResultInterface {
  readonly name: string;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** The namespace as the runtime named it in CNI_NETNS; absent for an interface of the host. */
  readonly sandbox?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly pciID?: string | undefined;
}

export interface ResultIp {
  /** Index into `interfaces`; absent in the result of an IPAM plugin. */
  readonly interface?: number | undefined;
  readonly address: Cidr;
  readonly gateway?: Ip | undefined;
}

export interface Dns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

export const emptyResult: Result = { interfaces: [], ips: [], routes: [], dns: {} };
