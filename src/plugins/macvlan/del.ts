import { apply } from "../../kernel/apply.ts";
import { openNetnsIfAlive } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { Link } from "../../plan/facts.ts";
import type { DelCall, Surroundings } from "../../protocol/plugin.ts";
import { isOthersAlias } from "../alias.ts";
import { Attempts } from "../attempts.ts";
import { delIpam } from "../ipam.ts";
import { decodeRemains } from "./config.ts";
import { leave } from "./sharing.ts";

/** Removes whatever there is, with whatever is known; a part that fails does not keep the others. */
export async function del(call: DelCall, around: Surroundings): Promise<void> {
  const { network, ifname, containerId } = call;
  const { ipamType } = decodeRemains(network);
  using container = openNetnsIfAlive(call.netns);
  const attempts = new Attempts();
  await attempts.try(async () => {
    if (container === undefined) return;
    using places = new Places(container);
    const link = places.findLink("container", ifname);
    if (link === undefined || isOthers(link, call)) return;
    // it may go by itself in the meantime, with its namespace
    const steps = [{ do: "link.delete", place: "container", link: ifname, tolerate: ["ENODEV"] }] as const;
    await apply(steps, { ...around, places, record: () => {} });
  });
  await attempts.try(() => leave({ network: network.name, containerId, ifname }, around));
  // the last, so that nobody gets an address that the host still has a route to
  await attempts.try(async () => {
    if (ipamType !== undefined) await delIpam(ipamType, call, around);
  });
  attempts.finish();
}

/** The path of the namespace may be another container's by now. */
function isOthers({ kind, alias }: Link, call: DelCall): boolean {
  return kind !== "macvlan" || isOthersAlias(alias, call);
}
