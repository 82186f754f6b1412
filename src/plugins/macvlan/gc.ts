// What containers have left on the host that the runtime does not know any more. A macvlan goes with its namespace, so what can be left
// is what several share: see sharing.ts. An attachment whose namespace exists is alive, whatever the runtime says.
import { judgeNetns } from "../../kernel/netns-record.ts";
import type { GcCall, Surroundings } from "../../protocol/plugin.ts";
import { gcIpam } from "../ipam.ts";
import { decodeRemains } from "./config.ts";
import { leaveAll } from "./sharing.ts";

export async function gc(call: GcCall, around: Surroundings): Promise<void> {
  const { network, validAttachments } = call;
  const { ipamType } = decodeRemains(network);
  const isGone = judgeNetns();
  const left = await leaveAll(
    (use) =>
      use.network === network.name &&
      !validAttachments.some(({ containerId, ifname }) => containerId === use.containerId && ifname === use.ifname) &&
      (use.netns === undefined || isGone(use.netns)),
    around,
  );
  for (const { containerId, ifname } of left)
    around.log(`GC: removed what ${containerId} ${ifname} shared with others of ${network.name}`);
  if (ipamType !== undefined) await gcIpam(ipamType, call, around);
}
