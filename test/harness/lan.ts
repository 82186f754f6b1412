import { Host } from "./host.ts";
import { connectHosts } from "./traffic.ts";

/** A host whose link `uplink` is the parent of macvlans, and another machine at its other end. */
export interface Lan extends AsyncDisposable {
  readonly host: Host;
  readonly outside: Host;
}

export const hostOn = { 4: "192.0.2.1", 6: "2001:db8::1" } as const;
export const outsideOn = { 4: "192.0.2.2", 6: "2001:db8::2" } as const;

export async function startLan(): Promise<Lan> {
  const [host, outside] = [await Host.start(), await Host.start()];
  // link-local addresses are there at once, so that nothing changes by itself later
  for (const each of [host, outside]) await each.sh("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad");
  await connectHosts(host, outside, { a: `${hostOn[4]}/24`, b: `${outsideOn[4]}/24` });
  await host.sh(`ip address add ${hostOn[6]}/64 dev uplink nodad`);
  await outside.sh(`ip address add ${outsideOn[6]}/64 dev uplink nodad`);
  return {
    host,
    outside,
    [Symbol.asyncDispose]: async () => {
      await outside[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** On that link; each test takes what it does not say from here. */
export const macvlanConfig = {
  cniVersion: "1.0.0",
  name: "n1",
  type: "macvlan",
  master: "uplink",
  ipam: {
    type: "host-local",
    ranges: [
      [{ subnet: "192.0.2.0/24", rangeStart: "192.0.2.50", gateway: "192.0.2.2" }],
      [{ subnet: "2001:db8::/64", rangeStart: "2001:db8::50", gateway: "2001:db8::2" }],
    ],
  },
};
