// Waiting for what the kernel does in its own time: it tells of every change, and each time we look again.
import { printCidr } from "../net/cidr.ts";
import type { Link } from "../plan/facts.ts";
import { KernelError } from "./kernel-error.ts";
import { listAddresses } from "./netlink/address.ts";
import { RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from "./netlink/constants.ts";
import { NetlinkSocket } from "./netlink/socket.ts";
import type { Territory } from "./places.ts";

export interface Waiting {
  readonly territory: Territory;
  readonly checkInterrupt: () => Promise<void>;
}

const LIMIT_MILLISECONDS = 5_000;

/** Until the kernel calls the link up and running. `look` finds it anew. Errors: ETIMEDOUT, and those of `look`. */
export async function awaitUp(name: string, look: () => Link, waiting: Waiting): Promise<void> {
  const what = `wait for link ${name} to be up and running`;
  await until(() => look().isOperational, waiting, { group: RTNLGRP_LINK, what });
}

/** Until the IPv6 addresses of the link are settled. Errors: EADDRINUSE when another host has one, ETIMEDOUT. */
export async function awaitDad(link: Link, waiting: Waiting): Promise<void> {
  const isSettled = () => {
    const addresses = listAddresses(waiting.territory.socket, link);
    const duplicate = addresses.find((address) => address.isDuplicate);
    if (duplicate === undefined) return !addresses.some((address) => address.isTentative);
    throw new KernelError(`another host on the link has the address ${printCidr(duplicate.cidr)} of ${link.name}`, 98);
  };
  const what = `wait for the duplicate address detection of ${link.name}`;
  await until(isSettled, waiting, { group: RTNLGRP_IPV6_IFADDR, what });
}

/** `group`: which changes of the kernel it takes to look again. */
async function until(
  isDone: () => boolean,
  { territory, checkInterrupt }: Waiting,
  { group, what }: { readonly group: number; readonly what: string },
): Promise<void> {
  if (isDone()) return;
  using events = territory.run(() => new NetlinkSocket());
  events.join(group);
  const deadline = Date.now() + LIMIT_MILLISECONDS;
  while (!isDone()) {
    if (Date.now() >= deadline) throw new KernelError(what, 110);
    events.nextChanges(Math.max(0, deadline - Date.now()));
    await checkInterrupt();
  }
}
